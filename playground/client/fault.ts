const CODES = [
  'BAD_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'SERVICE_UNAVAILABLE',
  'INTERNAL',
  'UNREACHABLE',
] as const;

/** Why there is no outcome at all. `UNREACHABLE` is the client's own: the server did not answer, or not in GraphQL. */
export type FaultCode = (typeof CODES)[number] | 'unknown';

/** What functions throw where there is no outcome: nobody is signed in, a limit is exceeded, the server does not answer… */
export class Fault extends Error {
  override name = 'Fault';
  /** For programs. A code that is newer than this client is `unknown`. */
  readonly code: FaultCode;
  /** Seconds to wait before trying again, where the server says so. */
  readonly retryAfter: number | undefined;

  /** `message` is in English, for people. */
  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
    this.code = (CODES as readonly string[]).includes(code) ? (code as FaultCode) : 'unknown';
  }
}
