import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

/** Makes the tabs follow the ARIA pattern: one tab stop, arrow keys to move, Delete to close. Renders nothing. */
export function TabStrip() {
  const { tabs, at } = useGraphiQL(({ tabs, activeTabIndex }) => ({ tabs, at: activeTabIndex }));
  const { changeTab, closeTab } = useGraphiQLActions();
  useEffect(() => {
    const buttons = [...document.querySelectorAll('.graphiql-tab-button')];
    buttons.forEach((button, index) => {
      // GraphiQL gives the item the role of the tab, which nests buttons in a button
      button.parentElement.setAttribute('role', 'presentation');
      button.parentElement.removeAttribute('aria-selected');
      button.setAttribute('role', 'tab');
      button.setAttribute('aria-selected', String(index === at));
      button.tabIndex = index === at ? 0 : -1;
      const close = button.nextElementSibling;
      close?.setAttribute('aria-hidden', 'true');
      if (close) close.tabIndex = -1;
    });
    // the strip and the guide are longer than most windows
    buttons[at]?.scrollIntoView({ block: 'nearest', inline: 'center' });
    document.querySelector('.guide [aria-current]')?.scrollIntoView({ block: 'nearest' });
    function press(event) {
      const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
      const to = steps[event.key];
      if (event.key === 'Delete' && tabs.length > 1) {
        closeTab(at);
      } else if (to in tabs) {
        event.preventDefault();
        changeTab(to);
        buttons[to].focus();
      }
    }
    const strip = document.querySelector('.graphiql-tabs');
    strip.addEventListener('keydown', press);
    return () => strip.removeEventListener('keydown', press);
  }, [tabs, at]);
  return null;
}
