// The storage of GraphiQL. Only the theme is permanent: variables hold passwords and tokens, so they last as long as the browser
// tab.

const place = (key) => (key === 'graphiql:theme' ? localStorage : sessionStorage);
const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith('graphiql:'));

export const storage = {
  getItem: (key) => place(key).getItem(key),
  setItem: (key, value) => place(key).setItem(key, value),
  removeItem: (key) => place(key).removeItem(key),
  clear: () => keys().forEach((key) => sessionStorage.removeItem(key)),
  get length() { return keys().length; },
};

/** Sets the variables of the first tab and the width of the panes, which GraphiQL reads only from its storage. */
export function begin([first]) {
  if (storage.getItem('graphiql:tabState')) return;
  storage.setItem('graphiql:query', first.query);
  storage.setItem('graphiql:variables', first.variables);
  storage.setItem('graphiql:docExplorerFlex', '0.28');
}
