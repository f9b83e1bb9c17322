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
export type Kept = { session: string; since: number; refreshToken?: string };

/** What this browser keeps, for all tabs that look into the same place. */
export type Keeper = ReturnType<typeof keeper>;

export function keeper(keep: Keep, name: string) {
  const place = placeFor(keep);
  return {
    place,
    isCookie: keep === 'cookie',
    isShared: keep !== 'memory',
    read(): Kept | undefined {
      try {
        return JSON.parse(place.getItem(name) ?? '') as Kept;
      } catch {
        return undefined;
      }
    },
    write(kept: Kept | undefined) {
      if (kept) place.setItem(name, JSON.stringify(kept));
      else place.removeItem(name);
    },
  };
}

/** Where something is kept. */
export type Place = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

function placeFor(keep: Keep): Place {
  try {
    if (keep !== 'memory') return localStorage;
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
