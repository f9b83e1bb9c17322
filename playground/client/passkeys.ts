import { changer } from './changed';
import type { Gatehouse } from './gatehouse';
import {
  finishPasskeyEnrolmentDocument,
  passkeyLoginDocument,
  passkeysDocument,
  passkeySignupDocument,
  removePasskeyDocument,
  renamePasskeyDocument,
  startPasskeyEnrolmentDocument,
  startPasskeyLoginDocument,
  startPasskeySignupDocument,
  type PasskeyFragment,
  type PasskeyLoginMutation,
  type PasskeySignupInput,
  type SecondFactorChallengeFragment,
} from './generated';
import { outcome, type Outcome } from './outcome';
import { create, signalUnknown, supportsAutofill, use, type Credential, type NoPasskey } from './passkey_ceremony';

export { supportsAutofill, supportsPasskeys, type Credential, type NoPasskey } from './passkey_ceremony';

/** The outcome of a sign-in with a passkey. */
export type PasskeyLogin = Outcome<PasskeyLoginMutation['answer']> | NoPasskey;

/** A ceremony is replaced this many milliseconds before it expires, because the user needs time to complete it. */
const MARGIN = 120_000;

/** A ceremony that ends within these milliseconds was ended by the browser, not by a person. */
const INSTANT = 1_000;

type Ceremony = { id: string; options: unknown };

type Needed = 'run' | 'accessToken' | 'signIn' | 'verifySecondFactor' | 'authSettings';

/**
 * Creates the functions for passkeys. They are not part of {@link Gatehouse}, so that only pages that need them load them. Where
 * {@link supportsPasskeys} returns `false`, or `authSettings` has no `passkeyRpId`, show nothing about passkeys.
 *
 * If the browser returns no passkey, for example because the user canceled, the outcome is a {@link NoPasskey}.
 */
export function passkeys({ run, accessToken, signIn, verifySecondFactor, authSettings }: Pick<Gatehouse, Needed>) {
  const changed = changer({ accessToken });
  /** The ceremony in the autofill suggestions of an input. A browser allows only one ceremony at a time. */
  let waiting: AbortController | undefined;
  /** The ceremony that the user has started with a button. */
  let asking: Promise<unknown> = Promise.resolve();

  /** Runs a ceremony that the user has started. */
  async function ask<Result>(ceremony: () => Promise<Result>): Promise<Result> {
    waiting?.abort();
    const asked = ceremony();
    asking = asked.catch(() => {});
    return asked;
  }

  const prove = (options: unknown) => ask(() => use(options));

  const startLogin = async () => outcome((await run(startPasskeyLoginDocument)).answer);

  async function finishLogin({ id, options }: Ceremony, used: Credential): Promise<PasskeyLogin> {
    const signedIn = await signIn(passkeyLoginDocument, { id, credential: used.credential });
    if (signedIn.kind === 'UserError' && signedIn.code === 'NOT_FOUND') {
      void signalUnknown((options as { rpId?: unknown }).rpId, used.id);
    }
    return signedIn;
  }

  return {
    /** Signs in with a passkey that the user chooses. */
    async login(): Promise<PasskeyLogin> {
      const started = await startLogin();
      if (started.kind !== 'PasskeyCeremony') return started;
      const used = await prove(started.options);
      return used.kind === 'Credential' ? finishLogin(started, used) : used;
    },

    /**
     * Offers passkeys in the autofill suggestions of the input whose `autocomplete` ends with `webauthn`, until the user has signed
     * in or the returned function is called. Calls `onUsed` whenever the user has chosen a passkey. In the meantime, the
     * other functions can still be called.
     */
    autofill(onUsed: (login: Promise<PasskeyLogin>) => void): () => void {
      let isOver = false;
      let mine: AbortController | undefined;
      const offer = async () => {
        if (!(await supportsAutofill())) return;
        for (await asking; !isOver; await asking) {
          const since = Date.now();
          const controller = (waiting = mine = new AbortController());
          const started = await startLogin();
          if (started.kind !== 'PasskeyCeremony') return;
          const lasts = started.expiresIn * 1000;
          const expiry = setTimeout(() => controller.abort(), Math.max(lasts / 2, lasts - MARGIN));
          const used = await use(started.options, { mediation: 'conditional', signal: controller.signal });
          clearTimeout(expiry);
          if (used.kind === 'Credential') {
            const login = finishLogin(started, used);
            onUsed(login);
            if (await login.then(({ kind }) => kind === 'AuthPayload', () => false)) return;
          } else if (!controller.signal.aborted && Date.now() - since < INSTANT) {
            return;
          }
        }
      };
      // without a connection, there are no suggestions, and the other ways to sign in report why
      offer().catch(() => {});
      return () => {
        isOver = true;
        mine?.abort();
      };
    },

    /** Signs up with a new passkey instead of a password, and signs in unless the email address must be verified first. */
    async signup(input: PasskeySignupInput) {
      const started = outcome((await run(startPasskeySignupDocument, { input })).answer);
      if (started.kind !== 'PasskeyCeremony') return started;
      const made = await ask(() => create(started.options));
      return made.kind === 'Credential' ? signIn(passkeySignupDocument, { id: started.id, credential: made.credential }) : made;
    },

    /** Completes a sign-in whose outcome was a `SecondFactorChallenge` with the method `PASSKEY`. */
    async verifySecondFactor({ id, passkeyOptions }: Pick<SecondFactorChallengeFragment, 'id' | 'passkeyOptions'>) {
      const used = await prove(passkeyOptions);
      return used.kind === 'Credential' ? verifySecondFactor(id, { passkey: used.credential }) : used;
    },

    /** Asks for a passkey, with the `passkeyOptions` of a reauthentication. The proof of identity is then `{ passkey: credential }`. */
    prove,

    /** Returns the passkeys of the signed-in user, oldest first. */
    list: async () => (await run(passkeysDocument)).answer.passkeys,

    /**
     * Adds a passkey. Without a name, the passkey is named after the device or password manager. Ends the other sessions. Also
     * returns recovery codes if the account had none.
     */
    async add(name?: string) {
      const started = outcome((await run(startPasskeyEnrolmentDocument)).answer);
      if (started.kind !== 'PasskeyCeremony') return started;
      const made = await ask(() => create(started.options));
      if (made.kind !== 'Credential') return made;
      return changed(await run(finishPasskeyEnrolmentDocument, { id: started.id, credential: made.credential, name }));
    },

    /** Renames a passkey. */
    rename: async (id: string, name: string) => outcome((await run(renamePasskeyDocument, { id, name })).answer),

    /** Removes a passkey, also from the user's password manager if the browser supports that. */
    async remove({ id, credentialId }: Pick<PasskeyFragment, 'id' | 'credentialId'>) {
      const removed = await changed(await run(removePasskeyDocument, { id }));
      if (removed.kind === 'User') void authSettings().then(({ passkeyRpId }) => signalUnknown(passkeyRpId, credentialId), () => {});
      return removed;
    },
  };
}
