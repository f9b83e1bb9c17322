// Replaces the sanitizer that the editor bundles, which is years old, with the newest version. `vite.config.js`
// redirects the editor's import, which needs these names, to this file.
import DOMPurify from 'dompurify';

export const { addHook, isSupported, isValidAttribute, removeAllHooks, removeHook, removeHooks, sanitize, version } = DOMPurify;
