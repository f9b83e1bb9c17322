import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { State } from '../client';
import { gatehouse } from './gatehouse';

/** Who is signed in, now and whenever that changes, in whichever tab. */
export function useSession(): State {
  return useSyncExternalStore(gatehouse.subscribe, gatehouse.state, gatehouse.serverState);
}

/** What `load` brings, and brings again when it changes or is asked to: wrap it in `useCallback`. */
export function useLoad<Data>(load: () => Promise<Data>) {
  const [loaded, setLoaded] = useState<{ isLoaded: boolean; data?: Data; fault?: unknown }>({ isLoaded: false });
  const newest = useRef(0);
  const reload = useCallback(async () => {
    newest.current += 1;
    const mine = newest.current;
    const next = await load().then((data) => ({ data }), (fault: unknown) => ({ fault }));
    // an answer that was overtaken by a later one is of no interest
    if (mine === newest.current) setLoaded({ isLoaded: true, ...next });
  }, [load]);
  useEffect(() => void reload(), [reload]);
  return { ...loaded, reload };
}

/** `value`, once it has stayed the same for a while. */
export function useSettled<Value>(value: Value, milliseconds = 350): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Seconds until `time`, counted down. */
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
