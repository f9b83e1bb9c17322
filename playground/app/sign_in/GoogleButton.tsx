import { Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { goToGoogle, type Purpose } from './google';

const WORDS: Record<Purpose, string> = {
  login: 'Sign in with Google',
  link: 'Link a Google account',
  reauthenticate: 'Confirm with Google',
};

export function GoogleButton({ purpose }: { purpose: Purpose }) {
  const form = useForm(() => goToGoogle(purpose));
  return (
    <form {...form.props}>
      <Notice {...form.verdict} />
      <button type="submit" className="plain" aria-disabled={form.isBusy || undefined}>
        {WORDS[purpose]}
      </button>
    </form>
  );
}
