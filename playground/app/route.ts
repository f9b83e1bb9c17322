import { useSyncExternalStore } from 'react';

/** Pages are told apart by the fragment of the address, `#/login` say: the server knows of one page only. */
export type Route = { path: string; parameters: URLSearchParams };

const subscribe = (listener: () => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [path = '', parameters] = hash.slice(1).split('?');
  return { path, parameters: new URLSearchParams(parameters) };
}

export function go(path: string) {
  location.hash = path;
}
