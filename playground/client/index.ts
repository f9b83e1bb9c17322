/**
 * The client of Gatehouse: sign-in for single-page apps. No dependencies; copy the folder into an app.
 *
 * - `gatehouse.ts`: the functions, called as the schema calls them
 * - `session.ts`: the tokens, and who is signed in, alike in all tabs · `alone.ts`: one tab at a time · `keep.ts`: where
 *   the refresh token is
 * - `reauthentication.ts`: the proof that what decides who gets in asks for. Give {@link Options} an
 *   `onReauthenticationRequired`, and what was refused for want of it is sent again by itself
 * - `challenges.ts`: the mails that are awaited, by their ids
 * - `events.ts`: what the server tells by itself
 * - `post.ts`, `outcome.ts`, `fault.ts`: requests, and what they come to
 * - `operations/`, `generated.ts`: what is asked, and its types, generated from the schema
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
