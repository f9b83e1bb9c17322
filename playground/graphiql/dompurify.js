// The sanitizer of the editor, in the newest version: the editor carries a copy of its own that is years older, and imports
// it by these names (`vite.config.js` puts this in its place).
import DOMPurify from 'dompurify';

export const { addHook, isSupported, isValidAttribute, removeAllHooks, removeHook, removeHooks, sanitize, version } = DOMPurify;
