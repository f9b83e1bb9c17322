import { placeFor } from './keep';

/** How many milliseconds a tab waits for another tab before it takes over the lock. Longer than any request takes. */
const PATIENCE = 20_000;

/** Milliseconds until a lease expires, in browsers without locks. */
const LEASE = PATIENCE;

/**
 * How many milliseconds it may take until other tabs see a message or a write to localStorage, because tabs are separate processes and
 * the browser may be busy. A lock is held for this time after the work, so that the next tab sees the result of the work.
 */
const LATE_NEWS = 250;

/** The storage of the leases. */
const place = placeFor('localStorage');

export const sleep = (milliseconds: number) => new Promise<void>((wake) => { setTimeout(wake, milliseconds); });

/**
 * Runs `work` while no other tab of this browser runs work under the same name. If `enough` aborts while the tab waits, returns
 * without running `work`.
 *
 * A tab may be frozen, or suspended with the whole device, while it holds the lock. Another tab then takes over the lock, and the
 * first tab may notice this too late. So `work` must tolerate another tab working at the same time, and check the state before it writes.
 */
export async function alone(name: string, work: () => Promise<void>, enough?: AbortSignal): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return leased(name, work, enough);
  let begun = false;
  let failure: unknown;
  const waiting = new AbortController();
  const giveUp = () => waiting.abort();
  // randomized, because tabs that wait together would otherwise take the lock from each other
  const patience = setTimeout(giveUp, PATIENCE * (1 + Math.random() / 4));
  enough?.addEventListener('abort', giveUp);

  await new Promise<void>((done) => {
    const run = async () => {
      begun = true;
      clearTimeout(patience);
      await work().catch((error) => { failure = error; });
      done();
      await sleep(LATE_NEWS);
    };
    const ask = (options: LockOptions) => {
      locks.request(name, options, run).catch(() => {
        // another tab took the lock over while this one worked
        if (begun) return;
        if (enough?.aborted) done();
        // locks do not work here: running twice is better than not at all
        else if (options.steal) void run();
        else ask({ steal: true });
      });
    };
    ask({ signal: waiting.signal });
  });
  clearTimeout(patience);
  if (failure) throw failure;
}

/**
 * Replaces locks in browsers without them. An entry in {@link place} names the tab that may work: the last tab that wrote it, once the
 * write is visible to all (Fischer's algorithm, in Lamport: A fast mutual exclusion algorithm, 1987). In rare cases, two tabs may both
 * believe that they hold the lease. The server then gives both the same tokens. If many tabs do so at the same time,
 * the server may mistake one of them for a thief.
 */
async function leased(name: string, work: () => Promise<void>, enough?: AbortSignal): Promise<void> {
  const key = `${name}:lease`;
  const mine = String(Math.random());
  const holder = () => {
    const [who, until] = place.getItem(key)?.split(' ') ?? [];
    return Number(until) > Date.now() ? who : undefined;
  };
  const giveBack = () => { if (holder() === mine) place.removeItem(key); };
  while (holder() !== mine) {
    if (holder()) {
      await sleep(30 + Math.random() * 30);
    } else {
      place.setItem(key, `${mine} ${Date.now() + LEASE}`);
      await sleep(LATE_NEWS);
    }
    if (enough?.aborted) return giveBack();
  }
  try {
    await work();
  } finally {
    setTimeout(giveBack, LATE_NEWS);
  }
}
