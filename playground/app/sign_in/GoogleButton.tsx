import { Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { goToGoogle, type Purpose } from './google';

export function GoogleButton({ purpose }: { purpose: Purpose }) {
  const form = useForm(() => goToGoogle(purpose));
  return (
    <form {...form.props}>
      <Notice {...form.verdict} />
      <button type="submit" className="plain" aria-disabled={form.isBusy || undefined}>
        {purpose === 'link' ? 'Link a Google account' : 'Continue with Google'}
      </button>
    </form>
  );
}
