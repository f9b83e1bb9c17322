// The pane next to the editors: all operations by part, each with a description.
import { useOpenName, useOpenOperation } from './open_operation.js';
import { OPERATIONS } from './operations.js';
import { Prose } from './prose.jsx';

const parts = Object.entries(Object.groupBy(OPERATIONS, ({ part }) => part));

function Guide() {
  const [name, open] = [useOpenName(), useOpenOperation()];
  return (
    <nav className="guide" aria-label="Operations">
      <h2>Guide</h2>
      <p>Open an operation, then click the button between the panes, or press <kbd>Ctrl+Enter</kbd>.</p>
      {parts.map(([part, operations]) => (
        <section key={part}>
          <h3>{part}</h3>
          <ul>
            {operations.map((operation) => (
              <li key={operation.name}>
                <button type="button" aria-current={operation.name === name || undefined} onClick={() => open(operation.name)}>
                  <b>{operation.name}</b>
                  <span><Prose text={operation.about} /></span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function Icon(properties) {
  return (
    <svg {...properties} viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <path d="M3 5h2M8 5h9M3 10h2M8 10h9M3 15h2M8 15h9" />
    </svg>
  );
}

/** The guide as a plugin of GraphiQL. */
export const guide = { title: 'Guide', icon: Icon, content: Guide };
