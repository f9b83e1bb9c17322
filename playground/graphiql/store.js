// State outside of React, which any code can read and components can watch.
import { useSyncExternalStore } from 'react';

/** Creates a value that components can watch. With a name, it survives reloads until the browser tab closes. */
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

/** Returns the value of a store, for a component that watches it. */
export function useStore(store) {
  return useSyncExternalStore(store.watch, store.get);
}
