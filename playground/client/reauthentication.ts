import type {
  AuthenticationMethod,
  EmailChallengeFragment,
  ReauthenticateMutation,
  ReauthenticationProof,
  StartReauthenticationMutation,
} from './generated';
import type { Outcome, Unknown, UserError } from './outcome';

/** A request for a proof of identity, which the app passes on to the user. */
export type ReauthenticationRequest = {
  /** The ID of the reauthentication. If the proof is an ID token, its `nonce` must be this ID. */
  id: string;
  /** The methods that the user can use. */
  methods: AuthenticationMethod[];
  /** The options for a proof with a passkey: see `passkeys.ts`. */
  passkeyOptions: unknown;
  /** Emails a code to the user. Returns the challenge or the refusal. */
  sendCode: () => Promise<EmailChallengeFragment | UserError | Unknown>;
  /** The refusal of the previous proof, if the user is asked again. */
  refusal?: UserError | undefined;
};

/** Asks the user for a proof. Returns `null` or `undefined` if they cancel. */
export type AskForProof = (request: ReauthenticationRequest) => Promise<ReauthenticationProof | null | undefined>;

/** The maximum number of attempts. The server also limits them. */
const MOST_TRIES = 5;

type Start = (sendCode?: boolean) => Promise<Outcome<StartReauthenticationMutation['answer']>>;
type Prove = (id: string, proof: ReauthenticationProof) => Promise<Outcome<ReauthenticateMutation['answer']>>;

/** Returns whether the response requires reauthentication. Only a document with a single root field can be sent again. */
export function needsProof(data: unknown) {
  const answers = Object.values(data as object) as ({ code?: string } | null)[];
  return answers.length === 1 && answers[0]?.code === 'REAUTHENTICATION_REQUIRED';
}

/** Returns a function that asks the user for a proof and returns whether it was accepted. Concurrent calls share one proof. */
export function reauthenticator(ask: AskForProof | undefined, start: Start, prove: Prove) {
  let asking: Promise<boolean> | undefined;

  async function reauthenticate(ask: AskForProof) {
    const begun = await start();
    if (begun.kind !== 'Reauthentication') return false;
    const { id } = begun;
    let mailedId = id;
    const sendCode = async () => {
      const mailed = await start(true);
      if (mailed.kind !== 'Reauthentication') return mailed;
      mailedId = mailed.id;
      return mailed.emailChallenge ?? ({ kind: 'unknown' } as const);
    };
    let refusal: UserError | undefined;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const proof = await ask({ ...begun, sendCode, refusal });
      if (!proof) return false;
      const outcome = await prove(proof.emailCode ? mailedId : id, proof);
      if (outcome.kind === 'Reauthenticated') return true;
      // the reauthentication has expired
      if (outcome.kind !== 'UserError' || outcome.code === 'INVALID_TOKEN') return false;
      refusal = outcome;
    }
    return false;
  }

  return async () => {
    if (!ask) return false;
    asking ??= reauthenticate(ask).finally(() => { asking = undefined; });
    return asking;
  };
}
