import { useState } from 'react';
import { CountersignProvider, useQuotes } from '@countersign/react';

// The seed's own example of a provider, with the token of an entity in the form that it
// has there. The first one is refused.
export default function App() {
  const [token, setToken] = useState('your-entity-access-token'), [said, setSaid] = useState('');
  const renew = async () => {
    const answer = await fetch('/token', { method: 'POST' });
    setToken((await answer.json()).access_token);
  };
  return (
    <CountersignProvider
      entityId="ent_sandbox"
      accessToken={{
        access_token: token,
        token_type: 'Bearer',
        expires_in: 100 * 365 * 24 * 3600,
        expires_at: new Date(Date.now() + 100 * 365 * 24 * 3600 * 1000),
      }}
      environment="development"
      apiUrl="https://gateway.example"
      theme={{
        primary: { hex: '#511320' }, // CRANBERRY
        accent: { hex: '#511320' }, // CRANBERRY
        background: { hex: '#FFFFFF' }, // WHITE
        text: '#511320', // CRANBERRY for text
        secondary: '#7D4955', // Lighter CRANBERRY shade
        negative: '#B22222', // A red that works with this palette
      }}
      onAuthError={(error) => { setSaid(error.code); void renew(); }}
    >
      <Prices />
      <p id="said">{said}</p>
    </CountersignProvider>
  );
}

function Prices() {
  const { rows, state, error } = useQuotes({ pay: { amount: '250', currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' });
  return (
    <>
      <p id="state">{state} {error?.code}</p>
      <ul>{rows.map((row) => row.state === 'quoted' && <li key={row.quote.id}>{row.quote.receive} ETH</li>)}</ul>
    </>
  );
}
