import type {
  AuthenticationMethod,
  EmailChallengeFragment,
  ReauthenticateMutation,
  ReauthenticationProof,
  StartReauthenticationMutation,
} from './generated';
import type { Outcome, Unknown, UserError } from './outcome';

/** What an app asks a person to prove: that it is still they who act. */
export type ReauthenticationRequest = {
  /** Names the proof that is awaited. An ID token must hold it as its `nonce`. */
  id: string;
  /** The ways in which this person can give the proof. */
  methods: AuthenticationMethod[];
  /** Mails a code to the person. Comes to what was mailed, or to why nothing was. */
  sendCode: () => Promise<EmailChallengeFragment | UserError | Unknown>;
  /** Why the proof before was refused, when the person is asked again. */
  refusal?: UserError | undefined;
};

/** Asks the person for a proof. Comes to nothing if they would rather not. */
export type AskForProof = (request: ReauthenticationRequest) => Promise<ReauthenticationProof | null | undefined>;

/** How often a person may try. The server counts, too. */
const MOST_TRIES = 5;

type Start = (sendCode?: boolean) => Promise<Outcome<StartReauthenticationMutation['answer']>>;
type Prove = (id: string, proof: ReauthenticationProof) => Promise<Outcome<ReauthenticateMutation['answer']>>;

/** Whether an answer says that a proof is needed. Only what is alone in its document can be sent again. */
export function needsProof(data: unknown) {
  const answers = Object.values(data as object) as ({ code?: string } | null)[];
  return answers.length === 1 && answers[0]?.code === 'REAUTHENTICATION_REQUIRED';
}

/** Has a proof given by the person, and says whether it was. Those who ask at the same time share one. */
export function reauthenticator(ask: AskForProof | undefined, start: Start, prove: Prove) {
  let asking: Promise<boolean> | undefined;

  async function reauthenticate(ask: AskForProof) {
    const begun = await start();
    if (begun.kind !== 'Reauthentication') return false;
    const { id, methods } = begun;
    let mailedId = id;
    const sendCode = async () => {
      const mailed = await start(true);
      if (mailed.kind !== 'Reauthentication') return mailed;
      mailedId = mailed.id;
      return mailed.emailChallenge ?? ({ kind: 'unknown' } as const);
    };
    let refusal: UserError | undefined;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const proof = await ask({ id, methods, sendCode, refusal });
      if (!proof) return false;
      const outcome = await prove(proof.emailCode ? mailedId : id, proof);
      if (outcome.kind === 'Reauthenticated') return true;
      // it has expired
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
