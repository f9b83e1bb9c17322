import { useGraphiQL, useMonaco } from '@graphiql/react';
import { useEffect } from 'react';

// Monaco's default colors have too little contrast on GraphiQL's backgrounds.
const THEMES = {
  'graphiql-LIGHT': {
    base: 'vs',
    ground: '#ffffff',
    text: '#1b2130',
    accent: '#2b5ce6',
    chosen: '#e8eefd',
    line: '#556070',
    rules: { comment: '#00700a', number: '#087353', 'argument.identifier.gql': '#5a56c0' },
  },
  'graphiql-DARK': {
    base: 'vs-dark',
    ground: '#212a3b',
    text: '#eceff4',
    accent: '#8fb0ff',
    chosen: '#2f3c57',
    line: '#a3acba',
    rules: { comment: '#8fc27b', 'argument.identifier.gql': '#aaa5ff' },
  },
};

function theme({ base, ground, text, accent, chosen, line, rules }) {
  const faint = `${accent}22`;
  return {
    base,
    inherit: true,
    rules: Object.entries(rules).map(([token, foreground]) => ({ token, foreground })),
    colors: {
      'editor.background': '#ffffff00',
      'editorLineNumber.foreground': line,
      'editorLineNumber.dimmedForeground': line,
      'editorHoverWidget.background': ground,
      'editorSuggestWidget.background': ground,
      'editorSuggestWidget.foreground': text,
      'editorSuggestWidget.highlightForeground': accent,
      // Monaco's defaults are white on any background
      'editorSuggestWidget.selectedBackground': chosen,
      'editorSuggestWidget.selectedForeground': text,
      'editorSuggestWidget.selectedIconForeground': text,
      'editorSuggestWidget.focusHighlightForeground': accent,
      'list.activeSelectionBackground': chosen,
      'list.activeSelectionForeground': text,
      'list.focusHighlightForeground': accent,
      'menu.foreground': text,
      'menu.selectionBackground': chosen,
      'menu.selectionForeground': text,
      'quickInputList.focusBackground': chosen,
      'quickInputList.focusForeground': text,
      'quickInputList.focusIconForeground': text,
      'editorWidget.background': ground,
      'list.hoverBackground': faint,
      'list.highlightForeground': accent,
      'menu.background': ground,
      'quickInput.background': ground,
      'scrollbar.shadow': '#ffffff00',
      'textLink.foreground': accent,
      focusBorder: accent,
    },
  };
}

/** Configures the editors: readable colors and size, and wrapped lines, since tokens are longer than any window. Renders nothing. */
export function Editors() {
  const monaco = useMonaco((state) => state.monaco);
  const editors = useGraphiQL(({ queryEditor, variableEditor, responseEditor }) => [queryEditor, variableEditor, responseEditor]);
  useEffect(() => {
    for (const [name, colours] of Object.entries(THEMES)) monaco?.editor.defineTheme(name, theme(colours));
  }, [monaco]);
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ fontSize: 14, wordWrap: 'on' });
  }, editors);
  return null;
}
