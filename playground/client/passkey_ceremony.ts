/**
 * The outcome of a ceremony that ended without a passkey. The reasons are:
 *
 * - `cancelled`: the user canceled, has no passkey here, or ran out of time. Browsers do not distinguish these cases
 * - `alreadyAdded`: this device already has a passkey for the account
 * - `wrongSite`: passkeys do not work on this page, because its address is not within the domain that passkeys belong to
 * - `notSupported`: the browser, the password manager or the security key lacks a required function
 */
export type NoPasskey = { kind: 'NoPasskey'; reason: 'cancelled' | 'alreadyAdded' | 'wrongSite' | 'notSupported' };

/** The credential that the browser returned, in JSON, and its ID. */
export type Credential = { kind: 'Credential'; id: string; credential: unknown };

const REASONS: Record<string, NoPasskey['reason']> = {
  NotAllowedError: 'cancelled',
  AbortError: 'cancelled',
  // another ceremony is in progress
  OperationError: 'cancelled',
  InvalidStateError: 'alreadyAdded',
  SecurityError: 'wrongSite',
};

// according to the types, every browser has `PublicKeyCredential`, but some browsers lack it
const browser = (): Partial<typeof PublicKeyCredential> | undefined => globalThis.PublicKeyCredential;

/** Returns whether the browser supports passkeys here. If it does not, the other functions return `notSupported`. */
export function supportsPasskeys(): boolean {
  const { parseCreationOptionsFromJSON, parseRequestOptionsFromJSON, prototype } = browser() ?? {};
  return !!parseCreationOptionsFromJSON && !!parseRequestOptionsFromJSON && !!prototype && 'toJSON' in prototype;
}

/** Returns whether the browser can offer passkeys in the autofill suggestions of an input. */
export async function supportsAutofill(): Promise<boolean> {
  return supportsPasskeys() && !!(await browser()?.isConditionalMediationAvailable?.());
}

/** Asks the browser to create a passkey. */
export function create(options: unknown): Promise<Credential | NoPasskey> {
  return ceremony(() => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON);
    return navigator.credentials.create({ publicKey });
  });
}

/** Asks the browser to use a passkey. */
export function use(options: unknown, more: Pick<CredentialRequestOptions, 'mediation' | 'signal'> = {}): Promise<Credential | NoPasskey> {
  return ceremony(() => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON);
    return navigator.credentials.get({ ...more, publicKey });
  });
}

async function ceremony(run: () => Promise<unknown>): Promise<Credential | NoPasskey> {
  if (!supportsPasskeys()) return { kind: 'NoPasskey', reason: 'notSupported' };
  let returned: PublicKeyCredential | null;
  try {
    returned = (await run()) as PublicKeyCredential | null;
  } catch (error) {
    return { kind: 'NoPasskey', reason: REASONS[(error as Error).name] ?? 'notSupported' };
  }
  if (!returned) return { kind: 'NoPasskey', reason: 'cancelled' };
  try {
    return { kind: 'Credential', id: returned.id, credential: returned.toJSON() };
  } catch {
    // some password managers return a different object, which has no `toJSON`
    return { kind: 'NoPasskey', reason: 'notSupported' };
  }
}

/** Tells password managers that a passkey no longer works, so that they stop offering it. */
export async function signalUnknown(rpId: unknown, credentialId: string) {
  if (typeof rpId !== 'string') return;
  await browser()?.signalUnknownCredential?.({ rpId, credentialId }).catch(() => {});
}
