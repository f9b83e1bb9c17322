import { Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { goTo, type Provider, type Purpose } from './provider';

const WORDS: Record<Purpose, (name: string) => string> = {
  login: (name) => `Sign in with ${name}`,
  link: (name) => `Link a ${name} account`,
  reauthenticate: (name) => `Confirm with ${name}`,
};

/** A button for each provider. */
export function ProviderButtons({ providers, purpose }: { providers: readonly Provider[]; purpose: Purpose }) {
  return providers.map((provider) => <ProviderButton key={provider.id} provider={provider} purpose={purpose} />);
}

function ProviderButton({ provider, purpose }: { provider: Provider; purpose: Purpose }) {
  const form = useForm(() => goTo(provider, purpose));
  return (
    <form {...form.props}>
      <Notice {...form.verdict} />
      <button type="submit" className="plain" aria-disabled={form.isBusy || undefined}>
        {WORDS[purpose](provider.name)}
      </button>
    </form>
  );
}
