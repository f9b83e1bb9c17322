import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';
import { fill } from './known.js';
import { useOpenName, useOpenOperation } from './open_operation.js';
import { OPERATIONS, operation } from './operations.js';
import { isBack, known } from './session.js';
import { createStore, useStore } from './store.js';

const beginning = OPERATIONS.map(({ name, variables }) => [name, fill(variables, known.get())]);
const filled = createStore(Object.fromEntries(beginning), 'gatehouse:filled');

/** Keeps the variables of the open tab filled in, until the user edits them. Renders nothing. */
export function FillIn() {
  const [name, open] = [useOpenName(), useOpenOperation()];
  const now = useStore(known);
  const { editor, at } = useGraphiQL((state) => ({ editor: state.variableEditor, at: state.activeTabIndex }));
  useEffect(() => {
    const template = operation(name)?.variables;
    const text = editor?.getValue();
    if (!template || ![template, filled.get()[name]].includes(text)) return;
    const next = fill(template, now);
    if (next !== text) editor.setValue(next);
    filled.set({ ...filled.get(), [name]: next });
  }, [name, now, editor, at]);
  useEffect(() => { if (isBack && editor) open('GoogleLogin'); }, [editor]);
  return null;
}
