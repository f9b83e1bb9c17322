// Where GraphiQL keeps its state. Variables hold passwords and tokens: they are gone when the browser tab is. A theme stays.

const place = (key) => (key === 'graphiql:theme' ? localStorage : sessionStorage);
const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith('graphiql:'));

export const storage = {
  getItem: (key) => place(key).getItem(key),
  setItem: (key, value) => place(key).setItem(key, value),
  removeItem: (key) => place(key).removeItem(key),
  clear: () => keys().forEach((key) => sessionStorage.removeItem(key)),
  get length() { return keys().length; },
};

/** What to begin with: GraphiQL takes the variables of the first tab, and how wide panes are, from its storage alone. */
export function begin([first]) {
  if (storage.getItem('graphiql:tabState')) return;
  storage.setItem('graphiql:query', first.query);
  storage.setItem('graphiql:variables', first.variables);
  storage.setItem('graphiql:docExplorerFlex', '0.28');
}
