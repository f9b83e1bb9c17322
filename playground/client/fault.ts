import { topLevelErrorCodes } from './generated';

/** The reason for a fault. The client itself adds `UNREACHABLE`: the server did not respond, or its response was not GraphQL. */
export type FaultCode = (typeof topLevelErrorCodes)[number] | 'UNREACHABLE' | 'unknown';

const KNOWN: readonly string[] = [...topLevelErrorCodes, 'UNREACHABLE'];

/** The error that functions throw if there is no outcome, for example because no user is signed in or the server is unreachable. */
export class Fault extends Error {
  override name = 'Fault';
  /** The reason, for programs. A code that is newer than this client is `unknown`. */
  readonly code: FaultCode;
  /** Seconds to wait before trying again, if the server requires it. */
  readonly retryAfter: number | undefined;

  /** `message` is in English, for people. */
  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
    this.code = KNOWN.includes(code) ? (code as FaultCode) : 'unknown';
  }
}
