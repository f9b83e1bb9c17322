import type { EmailChallengeFragment } from './generated';
import type { Note } from './keep';

type Purpose = EmailChallengeFragment['purpose'];

/** What is kept of a challenge. */
type Kept = { purpose: Purpose; id: string; email: string };

const key = (email: string) => email.trim().toLowerCase();

/**
 * The challenges that this browser has asked for, the newest last, one of each purpose. Their ids show that the person who proves
 * an address is the one who signed up with it: without an id, the password chosen at sign-up is not kept.
 */
export class Challenges {
  private readonly note: Note<Kept[]>;

  constructor(note: Note<Kept[]>) {
    this.note = note;
  }

  /** Keeps the challenge of an answer, if it has one. */
  keep<Answer extends object>(answer: Answer): Answer {
    const { kind, emailChallenge } = answer as { kind?: string; emailChallenge?: EmailChallengeFragment | null };
    const challenge = kind === 'EmailChallenge' ? (answer as unknown as EmailChallengeFragment) : emailChallenge;
    if (challenge) {
      const { purpose, id, email } = challenge;
      this.note.write([...this.read().filter((kept) => kept.purpose !== purpose), { purpose, id, email: key(email) }]);
    }
    return answer;
  }

  /** The id of the newest challenge to an address. */
  newest(email: string) {
    return this.find((kept) => kept.email === key(email));
  }

  /** The id of the newest challenge of a sign-up; with an address, of one with that address. */
  ofSignup(email?: string) {
    return this.find((kept) => kept.purpose === 'VERIFY_EMAIL' && (!email || kept.email === key(email)));
  }

  /** Forgets them all: one of them has been answered. */
  forget() {
    this.note.write(undefined);
  }

  private find(is: (kept: Kept) => boolean) {
    return this.read().filter(is).at(-1)?.id;
  }

  private read() {
    return this.note.read() ?? [];
  }
}
