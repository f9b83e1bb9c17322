const CODES = [
  'BAD_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'SERVICE_UNAVAILABLE',
  'INTERNAL',
  'UNREACHABLE',
] as const;

/** The reason of a fault. The client itself adds `UNREACHABLE`: the server did not respond, or not with GraphQL. */
export type FaultCode = (typeof CODES)[number] | 'unknown';

/** The error that functions throw if there is no outcome, because no user is signed in, a limit is exceeded, the server is unreachable… */
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
    this.code = (CODES as readonly string[]).includes(code) ? (code as FaultCode) : 'unknown';
  }
}
