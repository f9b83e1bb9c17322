import { useState } from 'react';
import { Notice } from '../form/Form';

/** A button that copies text. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [notice, setNotice] = useState<{ done?: string; fault?: string }>({});
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setNotice({ done: 'Copied.' });
    } catch {
      setNotice({ fault: 'Your browser does not allow this. Select the text and copy it yourself.' });
    }
  };
  return (
    <>
      <button type="button" className="plain" onClick={copy}>{label}</button>
      <Notice {...notice} />
    </>
  );
}
