import { useEffect } from 'react';
import { useLoad } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { wordsFor, wordsForFault } from '../words';
import { finishGoogle, leaveGoogle } from './google';

/** Where Google sends people back to. */
export function GoogleReturn() {
  const { data, fault, isLoaded } = useLoad(finishGoogle);
  const refusal = typeof data === 'object' ? wordsFor(data) : data;
  const why = fault ? wordsForFault(fault) : refusal;
  const leave = () => {
    leaveGoogle();
    go('/');
  };
  useEffect(() => {
    if (isLoaded && !why) leave();
  }, [isLoaded, why]);
  return (
    <Page title={why ? 'That did not work' : 'One moment…'} lead={why}>
      {why && <button type="button" onClick={leave}>Go on</button>}
    </Page>
  );
}
