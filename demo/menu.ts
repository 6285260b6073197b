import type { ModifierGroup } from '~/utils/contracts/order-document'

/** The menu of the demo: eight categories, forty products, prices in cents. */

const size: ModifierGroup = {
  id: 'size',
  name: 'Size',
  min: 1,
  max: 1,
  options: [
    { id: 'regular', name: 'Regular', priceDelta: 0 },
    { id: 'large', name: 'Large', priceDelta: 250 },
  ],
}

const milk: ModifierGroup = {
  id: 'milk',
  name: 'Milk',
  min: 0,
  max: 1,
  options: [
    { id: 'oat', name: 'Oat', priceDelta: 60 },
    { id: 'soy', name: 'Soy', priceDelta: 50 },
    { id: 'none', name: 'Black', priceDelta: 0 },
  ],
}

const heat: ModifierGroup = {
  id: 'heat',
  name: 'Heat',
  min: 1,
  max: 1,
  options: [
    { id: 'mild', name: 'Mild', priceDelta: 0 },
    { id: 'medium', name: 'Medium', priceDelta: 0 },
    { id: 'hot', name: 'Hot', priceDelta: 0 },
  ],
}

const extras: ModifierGroup = {
  id: 'extras',
  name: 'Extras',
  min: 0,
  max: 3,
  options: [
    { id: 'egg', name: 'Soft egg', priceDelta: 150 },
    { id: 'cheese', name: 'Cheese', priceDelta: 120 },
    { id: 'bacon', name: 'Bacon', priceDelta: 220 },
    { id: 'avocado', name: 'Avocado', priceDelta: 260 },
  ],
}

export type Dish = { name: string; price: number; modifierGroups?: ModifierGroup[]; stock?: number }

export const menu: Record<string, Dish[]> = {
  Starters: [
    { name: 'Tomato soup', price: 590 },
    { name: 'Burrata, peach, basil', price: 1150 },
    { name: 'Charred leeks', price: 890 },
    { name: 'Sourdough and butter', price: 420 },
    { name: 'Crispy squid', price: 980, modifierGroups: [heat] },
  ],
  Bowls: [
    { name: 'Miso ramen', price: 1390, modifierGroups: [size, heat, extras] },
    { name: 'Shoyu ramen', price: 1350, modifierGroups: [size, extras] },
    { name: 'Poke with salmon', price: 1490, modifierGroups: [size] },
    { name: 'Bibimbap', price: 1320, modifierGroups: [heat, extras] },
    { name: 'Green curry', price: 1290, modifierGroups: [heat] },
  ],
  Burgers: [
    { name: 'House burger', price: 1280, modifierGroups: [extras] },
    { name: 'Smoked cheddar burger', price: 1380, modifierGroups: [extras] },
    { name: 'Fried chicken burger', price: 1320, modifierGroups: [heat, extras] },
    { name: 'Halloumi burger', price: 1240, modifierGroups: [extras] },
    { name: 'Black bean burger', price: 1180, modifierGroups: [extras] },
  ],
  Pizza: [
    { name: 'Margherita', price: 1050, modifierGroups: [size] },
    { name: 'Marinara', price: 950, modifierGroups: [size] },
    { name: 'Salame piccante', price: 1290, modifierGroups: [size] },
    { name: 'Funghi', price: 1190, modifierGroups: [size] },
    { name: 'Quattro formaggi', price: 1340, modifierGroups: [size] },
  ],
  Specials: [
    { name: 'Sea bass of the day', price: 2390, stock: 12 },
    { name: 'Braised short rib', price: 2190, stock: 18 },
    { name: 'Wild mushroom risotto', price: 1690, stock: 24 },
  ],
  Sides: [
    { name: 'Fries', price: 450, modifierGroups: [size] },
    { name: 'Sweet potato fries', price: 520, modifierGroups: [size] },
    { name: 'Green salad', price: 490 },
    { name: 'Kimchi', price: 390 },
    { name: 'Coleslaw', price: 380 },
  ],
  Desserts: [
    { name: 'Basque cheesecake', price: 690 },
    { name: 'Chocolate tart', price: 650 },
    { name: 'Lemon sorbet', price: 420 },
    { name: 'Sticky toffee pudding', price: 680, stock: 30 },
  ],
  Drinks: [
    { name: 'Espresso', price: 260 },
    { name: 'Flat white', price: 380, modifierGroups: [milk] },
    { name: 'Cold brew', price: 420, modifierGroups: [size, milk] },
    { name: 'Mint tea', price: 340 },
    { name: 'Lemonade', price: 390, modifierGroups: [size] },
    { name: 'Sparkling water', price: 290, modifierGroups: [size] },
    { name: 'Pale ale', price: 480 },
    { name: 'House red', price: 590 },
  ],
}

export const customerNames = [
  ['Amara', 'Okafor'],
  ['Björn', 'Lindqvist'],
  ['Chloé', 'Martin'],
  ['Dmitri', 'Volkov'],
  ['Elena', 'Rossi'],
  ['Farid', 'Haddad'],
  ['Grace', 'Kim'],
  ['Hugo', 'Silva'],
  ['Ines', 'Navarro'],
  ['Jonas', 'Weber'],
  ['Keiko', 'Tanaka'],
  ['Liam', "O'Brien"],
] as const
