import type { EmailChallengeFragment } from './generated';
import type { Note } from './keep';

type Purpose = EmailChallengeFragment['purpose'];

/** The stored part of a challenge. */
type Kept = { purpose: Purpose; id: string; email: string };

const key = (email: string) => email.trim().toLowerCase();

/**
 * The challenges that this browser has requested, newest last, one for each purpose. The ID of a challenge shows that the user
 * who verifies an email address is the user who signed up with it. Without the ID, the server removes the password chosen at sign-up.
 */
export class Challenges {
  private readonly note: Note<Kept[]>;

  constructor(note: Note<Kept[]>) {
    this.note = note;
  }

  /** Stores the challenge in a response, if there is one, and returns the response. */
  keep<Answer extends object>(answer: Answer): Answer {
    const { kind, emailChallenge } = answer as { kind?: string; emailChallenge?: EmailChallengeFragment | null };
    const challenge = kind === 'EmailChallenge' ? (answer as unknown as EmailChallengeFragment) : emailChallenge;
    if (challenge) {
      const { purpose, id, email } = challenge;
      this.note.write([...this.read().filter((kept) => kept.purpose !== purpose), { purpose, id, email: key(email) }]);
    }
    return answer;
  }

  /** Returns the ID of the newest challenge for an email address. */
  newest(email: string) {
    return this.find((kept) => kept.email === key(email));
  }

  /** Returns the ID of the newest challenge for a purpose, with this email address if one is given. */
  of(purpose: Purpose, email?: string) {
    return this.find((kept) => kept.purpose === purpose && (!email || kept.email === key(email)));
  }

  /** Removes all challenges. Call this once one of them is completed. */
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
