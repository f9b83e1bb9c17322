import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { State } from '../client';
import { leadToEnrolment } from './account/enrolment';
import { gatehouse } from './gatehouse';

/** Returns the session state, and renders again when it changes in any tab. */
export function useSession(): State {
  return useSyncExternalStore(gatehouse.subscribe, gatehouse.state, gatehouse.serverState);
}

/** Returns the result of `load`. Loads again when `reload` is called or when `load` changes, so wrap `load` in `useCallback`. */
export function useLoad<Data>(load: () => Promise<Data>) {
  const [loaded, setLoaded] = useState<{ isLoaded: boolean; data?: Data; fault?: unknown }>({ isLoaded: false });
  const newest = useRef(0);
  const reload = useCallback(async () => {
    newest.current += 1;
    const mine = newest.current;
    const next = await load().then((data) => ({ data }), (fault: unknown) => ({ fault }));
    if ('fault' in next) leadToEnrolment(next.fault);
    // ignores a response that a later request has overtaken
    if (mine === newest.current) setLoaded({ isLoaded: true, ...next });
  }, [load]);
  useEffect(() => void reload(), [reload]);
  return { ...loaded, reload };
}

/** Returns `value` once it has not changed for this time. */
export function useSettled<Value>(value: Value, milliseconds = 350): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Returns the seconds until `time`, counting down. */
export function useCountdown(time: number): number {
  const left = () => Math.max(0, Math.ceil((time - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left());
    const timer = setInterval(() => setSeconds(left()), 250);
    return () => clearInterval(timer);
  }, [time]);
  return seconds;
}
