import { placeFor } from './keep';

/** How long a tab waits for another before it takes over: longer than any request takes. */
const PATIENCE = 20_000;

/** How long a lock is held after the work, so that the tabs that wait hear its news before their turn comes. */
const NEWS = 50;

/** How long a lease of the fallback is good for, unless it is given back before. */
const LEASE = PATIENCE;

/** How long another tab's write to localStorage may take to be seen: tabs are processes, and a browser may be busy. */
const LATE_STORAGE = 250;

/** Where leases are noted. */
const place = placeFor('localStorage');

export const sleep = (milliseconds: number) => new Promise<void>((wake) => { setTimeout(wake, milliseconds); });

/**
 * Runs `work` while no other tab of this browser runs any under the same name. Whoever waits is let go by `enough`, and
 * then nothing was run.
 *
 * A tab may be frozen, or suspended with the whole device, while it holds the lock. Then the lock is taken from it, which
 * it may notice too late: so `work` has to bear company, and check what it is about to write.
 */
export async function alone(name: string, work: () => Promise<void>, enough?: AbortSignal): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return leased(name, work, enough);
  let begun = false;
  let failure: unknown;
  const waiting = new AbortController();
  const giveUp = () => waiting.abort();
  // not all at once, or those that wait together would take it from each other
  const patience = setTimeout(giveUp, PATIENCE * (1 + Math.random() / 4));
  enough?.addEventListener('abort', giveUp);

  await new Promise<void>((done) => {
    const run = async () => {
      begun = true;
      clearTimeout(patience);
      await work().catch((error) => { failure = error; });
      done();
      await sleep(NEWS);
    };
    const ask = (options: LockOptions) => {
      locks.request(name, options, run).catch(() => {
        // taken over while it worked
        if (begun) return;
        if (enough?.aborted) done();
        // there are no locks here after all: better two at work than none
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
 * Where there are no locks, a note in {@link place} says who works: whoever wrote last, once everybody sees it (Lamport, A fast
 * mutual exclusion algorithm, 1987, where it is Fischer's). Two tabs may in rare cases both believe that it is theirs; the
 * server gives both the same tokens then. Of many at once, it may take one for a thief's.
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
      await sleep(LATE_STORAGE);
    }
    if (enough?.aborted) return giveBack();
  }
  try {
    await work();
  } finally {
    setTimeout(giveBack, NEWS);
  }
}
