// State outside of React: read anywhere, and watched by components.
import { useSyncExternalStore } from 'react';

/** A value that components watch. With a name it outlives a reload, but not its browser tab. */
export function createStore(initial, name) {
  const kept = name && sessionStorage.getItem(name);
  let value = kept ? JSON.parse(kept) : initial;
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      if (name) sessionStorage.setItem(name, JSON.stringify(value));
      watchers.forEach((watcher) => watcher());
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The value of a store, for a component. */
export function useStore(store) {
  return useSyncExternalStore(store.watch, store.get);
}
