/**
 * Where the refresh token is kept, and with it the session:
 *
 * - `cookie`: in a cookie that no script can read. All tabs share the session. The safest, for apps on the server's own site.
 * - `localStorage`: where any script of the page can read it. All tabs share the session. For apps on other sites.
 * - `memory`: nowhere. Each tab has a session of its own, which ends for it when the page is left.
 */
export type Keep = 'cookie' | 'localStorage' | 'memory';

/**
 * What is kept of a session, and since when: each refresh keeps another. In cookie mode the refresh token is not in it, for
 * scripts never see it.
 */
export type Kept = { session: string; since: number; refreshToken?: string | undefined };

/** What this browser keeps, for all tabs that look into the same place. */
export type Keeper = ReturnType<typeof keeper>;

export function keeper(keep: Keep, name: string) {
  const place = placeFor(keep);
  return { place, isCookie: keep === 'cookie', isShared: keep !== 'memory', ...note<Kept>(place, name) };
}

/** One value in a place, by its name. What others have written there counts as nothing. */
export type Note<Value> = { read(): Value | undefined; write(value: Value | undefined): void };

export function note<Value>(place: Place, name: string): Note<Value> {
  return {
    read() {
      try {
        return JSON.parse(place.getItem(name) ?? '') as Value;
      } catch {
        return undefined;
      }
    },
    write(value) {
      if (value) place.setItem(name, JSON.stringify(value));
      else place.removeItem(name);
    },
  };
}

/** Where something is kept. */
export type Place = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The page that this runs in. Servers that render pages have none, nor do devices. */
export const page: Document | undefined = globalThis.document;

/** `localStorage`, or a place that lasts as long as the page, where there is none. */
export function placeFor(keep: Keep): Place {
  try {
    // a server that has one shares it between all visitors
    const place = globalThis.window?.localStorage;
    if (place && keep !== 'memory') return place;
  } catch {
    // the person has forbidden it: the session lasts as long as the page
  }
  const memory = new Map<string, string>();
  return {
    getItem: (name) => memory.get(name) ?? null,
    setItem: (name, value) => void memory.set(name, value),
    removeItem: (name) => void memory.delete(name),
  };
}
