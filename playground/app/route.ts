import { useSyncExternalStore } from 'react';

/** The current page, from the fragment of the URL, such as `#/login`. The server has only one page. */
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
