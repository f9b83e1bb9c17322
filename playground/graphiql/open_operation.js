import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { operation } from './operations.js';

/** Returns the name of the operation in the open tab. */
export function useOpenName() {
  return useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.title);
}

/** Returns a function that opens the tab of an operation, or creates it again if it was closed. */
export function useOpenOperation() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL(({ tabs, queryEditor, variableEditor }) => (
    { tabs, queryEditor, variableEditor }));
  return (name) => {
    const at = tabs.findIndex((tab) => tab.title === name);
    if (at >= 0) return changeTab(at);
    const { query, variables } = operation(name);
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
  };
}
