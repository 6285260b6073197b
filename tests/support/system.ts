/** With the places of nginx, debootstrap and chroot, which not everybody's PATH names. */
export const systemEnvironment = (): Record<string, string | undefined> => ({
  ...process.env,
  PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`,
})
