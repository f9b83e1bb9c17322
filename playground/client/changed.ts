import type { Gatehouse } from './gatehouse';
import { outcome } from './outcome';

/**
 * Returns a function that takes the result of a change to the user's sign-in methods and returns its outcome. The function also gets a
 * new access token, which reflects the change, and the changed user. If that fails, the failure is ignored, because the change has
 * already been made and the recovery codes in the result are returned only once.
 */
export function changer({ accessToken }: Pick<Gatehouse, 'accessToken'>) {
  return async <Answer extends { kind: string }>({ answer }: { answer: Answer }) => {
    if (answer.kind !== 'UserError') await accessToken(await accessToken()).catch(() => {});
    return outcome(answer);
  };
}
