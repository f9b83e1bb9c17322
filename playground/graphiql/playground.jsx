import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { Bar } from './bar.jsx';
import { Editors } from './editors.jsx';
import { FillIn } from './fill_in.jsx';
import { fetcher, send } from './fetcher.js';
import { guide } from './guide.jsx';
import { Hint } from './hint.jsx';
import { fill } from './known.js';
import { OPERATIONS } from './operations.js';
import { begin as beginSession, known } from './session.js';
import { begin, storage } from './storage.js';
import { TabStrip } from './tab_strip.jsx';

const tabs = OPERATIONS.map(({ query, variables }) => ({ query, variables: fill(variables, known.get()) }));
const plugins = [guide, HISTORY_PLUGIN];
const isWide = matchMedia('(min-width: 900px)').matches;
// without introspection there is no schema for completion and explanations
const schema = document.documentElement.dataset.introspection === undefined ? null : undefined;
begin(tabs);
beginSession(send);

/** GraphiQL with a tab for each operation, a guide to them, and a bar that shows the viewer. */
export function Playground() {
  return (
    <>
      <Bar />
      <main>
        <GraphiQL
          fetcher={fetcher}
          schema={schema}
          storage={storage}
          defaultTabs={tabs}
          defaultEditorToolsVisibility="variables"
          plugins={plugins}
          visiblePlugin={isWide ? guide : undefined}
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>{' '}</GraphiQL.Logo>
          <GraphiQL.Footer><Hint /></GraphiQL.Footer>
          <Editors />
          <FillIn />
          <TabStrip />
        </GraphiQL>
      </main>
    </>
  );
}
