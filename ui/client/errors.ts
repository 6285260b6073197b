/** Thrown by `identify` when nobody is signed in: the client stops until it is started again. */
export class NotSignedIn extends Error {
  override name = 'NotSignedIn'
}
