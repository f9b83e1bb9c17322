/**
 * The client of Gatehouse: sign-in for single-page apps. It has no dependencies. To use it, copy this folder into an app.
 *
 * - `gatehouse.ts`: the functions, named after the fields of the schema
 * - `session.ts`: the tokens and the signed-in user, shared by all tabs
 * - `alone.ts`: mutual exclusion of tabs
 * - `keep.ts`: the storage of the refresh token
 * - `reauthentication.ts`: the proof of identity that security changes require. With {@link Options.onReauthenticationRequired}, refused
 *   requests are sent again after the proof
 * - `second_factors.ts`: the functions that manage authenticator apps and recovery codes. Import it only on pages that use them
 * - `passkeys.ts`, `passkey_ceremony.ts`: the functions for passkeys. Import them only on pages that offer passkeys
 * - `changed.ts`: the new access token after a change to the user's sign-in methods
 * - `login_link.ts`: signing in on one device with a link that is opened on another. Import it only on pages that offer this
 * - `challenges.ts`: the IDs of pending email challenges
 * - `events.ts`: the events that the server sends
 * - `post.ts`, `outcome.ts`, `fault.ts`: requests and their outcomes
 * - `operations/`, `generated.ts`: the documents, and their types, which are generated from the schema
 */
export { createGatehouse, type Gatehouse, type Options } from './gatehouse';
export { Fault, type FaultCode } from './fault';
export { outcome, type Outcome, type Unknown, type UserError } from './outcome';
export type { Document } from './document';
export type { Keep } from './keep';
export type { AskForProof, ReauthenticationRequest } from './reauthentication';
export type { State } from './session';
export type { SessionEvent } from './events';
export * from './generated';
