import { openDom } from './dom'

/** A process of its own for one page: opens it, runs a bundle in it, and prints its text at every change. */

const [url = '', bundle = '', token = ''] = process.argv.slice(2)
const { window } = openDom(url)
window.sessionStorage.setItem('token', token)
const print = () => console.log(JSON.stringify(document.body.textContent))
new window.MutationObserver(print).observe(window.document, { subtree: true, childList: true, characterData: true, attributes: true })
await import(bundle)
