/**
 * Where the refresh token is kept:
 *
 * - `cookie`: in a cookie that scripts cannot read. All tabs share the session. The safest choice, for apps on the server's own site.
 * - `localStorage`: where any script on the page can read it. All tabs share the session. For apps on other sites.
 * - `memory`: only in the page. Each tab has its own session, which is lost when the page is left.
 */
export type Keep = 'cookie' | 'localStorage' | 'memory';

/**
 * The part of a session that is stored, and the time when it was stored, which changes with each refresh. In cookie mode,
 * `refreshToken` is missing, because scripts never see the token.
 */
export type Kept = { session: string; since: number; refreshToken?: string | undefined };

/** The session that this browser stores, shared by the tabs that use the same storage. */
export type Keeper = ReturnType<typeof keeper>;

export function keeper(keep: Keep, name: string) {
  const place = placeFor(keep);
  return { place, isCookie: keep === 'cookie', isShared: keep !== 'memory', ...note<Kept>(place, name) };
}

/** A named value in a storage. A value that is not valid JSON is ignored. */
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

/** A storage, such as `localStorage`. */
export type Place = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The page in which this code runs, or `undefined` on servers that render pages and in native apps. */
export const page: Document | undefined = globalThis.document;

/** Returns `localStorage`, or a storage that lasts as long as the page. */
export function placeFor(keep: Keep): Place {
  try {
    // on a server, `localStorage` would be shared by all visitors
    const place = globalThis.window?.localStorage;
    if (place && keep !== 'memory') return place;
  } catch {
    // the user has blocked storage, so the session lasts as long as the page
  }
  const memory = new Map<string, string>();
  return {
    getItem: (name) => memory.get(name) ?? null,
    setItem: (name, value) => void memory.set(name, value),
    removeItem: (name) => void memory.delete(name),
  };
}
