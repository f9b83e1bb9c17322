import type { Gatehouse } from './gatehouse';
import { outcome } from './outcome';

/**
 * Returns a function that converts the result of a change to how the user signs in. It gets an access token that reflects the
 * change, and with it the changed user. If that fails, the failure is ignored: the change is already made, and recovery codes are returned
 * only once.
 */
export function changer({ accessToken }: Pick<Gatehouse, 'accessToken'>) {
  return async <Answer extends { kind: string }>({ answer }: { answer: Answer }) => {
    if (answer.kind !== 'UserError') await accessToken(await accessToken()).catch(() => {});
    return outcome(answer);
  };
}
