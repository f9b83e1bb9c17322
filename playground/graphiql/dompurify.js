// Replaces the sanitizer of the editor, which bundles a copy that is years older, by the newest version. `vite.config.js`
// redirects the editor's import, which needs these names, to this file.
import DOMPurify from 'dompurify';

export const { addHook, isSupported, isValidAttribute, removeAllHooks, removeHook, removeHooks, sanitize, version } = DOMPurify;
