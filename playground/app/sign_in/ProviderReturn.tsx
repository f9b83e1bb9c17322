import { useEffect } from 'react';
import { useLoad } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { wordsFor, wordsForFault } from '../words';
import { finishSignIn, leaveReturn } from './provider';

/** The page that a provider sends the user back to. */
export function ProviderReturn() {
  const { data, fault, isLoaded } = useLoad(finishSignIn);
  const refusal = typeof data?.refusal === 'object' ? wordsFor(data.refusal) : data?.refusal;
  const why = fault ? wordsForFault(fault) : refusal;
  const path = data?.path || '/';
  const isProven = isLoaded && !why && data?.purpose === 'reauthenticate';
  const leave = () => {
    leaveReturn();
    go(path);
  };
  useEffect(() => {
    if (isLoaded && !why && !isProven) leave();
  }, [isLoaded, why, isProven]);
  if (isProven) {
    return (
      <Page title="Thank you" lead="You have confirmed that it’s you. You can now make the change.">
        <button type="button" onClick={leave}>Continue</button>
      </Page>
    );
  }
  return (
    <Page title={why ? 'Something went wrong' : 'One moment…'} lead={why}>
      {why && <button type="button" onClick={leave}>Continue</button>}
    </Page>
  );
}
