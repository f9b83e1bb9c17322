package gatehouse

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// timeout is the time limit for each of the two requests that fetch the keys.
	timeout = 5 * time.Second
	// maxAge is the age at which the keys are fetched again, so that withdrawn keys stop working.
	maxAge = 10 * time.Minute
	// pause is the minimum time between a fetch for an unknown key and the next fetch. Without it, every forged token would
	// cause a fetch.
	pause = time.Minute
	// retry is the minimum time between a failed fetch and the next one.
	retry = 5 * time.Second
	// maxAnswer is the maximum number of bytes that are read from a response.
	maxAnswer = 1 << 20
)

// ErrKeysUnavailable means that the issuer's keys cannot be fetched, so no token can be verified.
var ErrKeysUnavailable = errors.New("gatehouse: the keys of the issuer are unavailable")

// key is a public key, and the only algorithm that it may be used with.
type key struct {
	algorithm string
	public    interface{}
}

// snapshot contains the keys of one fetch, by their ID.
type snapshot struct {
	keys    map[string]key
	fetched time.Time
}

// keySet fetches the keys of an issuer, and keeps them.
type keySet struct {
	current atomic.Pointer[snapshot]
	// fetching is locked during a fetch.
	fetching sync.Mutex
	// next is the time before which no fetch may start.
	next time.Time
}

// known returns a key that was fetched earlier, and whether it is fresh. If there is no such key, ok is false.
func (s *keySet) known(kid string) (found key, isFresh, ok bool) {
	if current := s.current.Load(); current != nil {
		found, ok = current.keys[kid]
		isFresh = time.Since(current.fetched) < maxAge
	}
	return found, isFresh, ok
}

// find returns the key with this ID. If necessary, it fetches the keys.
func (s *keySet) find(issuer, kid string) (key, error) {
	found, isFresh, ok := s.known(kid)
	if ok && isFresh {
		return found, nil
	}
	if !ok {
		s.fetching.Lock()
	} else if !s.fetching.TryLock() {
		// requests with a key that still works do not wait for the issuer
		return found, nil
	}
	defer s.fetching.Unlock()
	// another request may have fetched the keys in the meantime
	found, isFresh, ok = s.known(kid)
	if ok && isFresh {
		return found, nil
	}
	hadKeys := s.current.Load() != nil
	if time.Now().After(s.next) {
		if fresh, err := fetch(issuer); err == nil {
			s.current.Store(&snapshot{fresh, time.Now()})
			if hadKeys && !ok {
				s.next = time.Now().Add(pause)
			}
			found, _, ok = s.known(kid)
		} else {
			s.next = time.Now().Add(retry)
			if !ok {
				return key{}, fmt.Errorf("%w: %v", ErrKeysUnavailable, err)
			}
		}
	} else if !hadKeys {
		return key{}, ErrKeysUnavailable
	}
	if !ok {
		return key{}, errInvalid
	}
	return found, nil
}

// fetch returns the keys that an issuer publishes.
func fetch(issuer string) (map[string]key, error) {
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	at.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(at.Path, "/") // RFC 8414 §3.1
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := get(at.String(), &metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer != issuer { // RFC 8414 §3.3
		return nil, fmt.Errorf("the metadata names the issuer %q", metadata.Issuer)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := get(metadata.JWKSURI, &set); err != nil {
		return nil, err
	}
	keys := make(map[string]key, len(set.Keys))
	for _, published := range set.Keys {
		// skips kinds of keys that a later version of Gatehouse may add
		if found, ok := published.key(); ok {
			keys[published.Kid] = found
		}
	}
	return keys, nil
}

// get decodes a JSON document.
func get(url string, into interface{}) error {
	// does not use the request's context: a client that disconnects would cancel a fetch that others wait for
	client := http.Client{Timeout: timeout, CheckRedirect: refuseRedirect}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(into)
}

// refuseRedirect makes a redirect an error: keys must come from the address that the issuer's URL names.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// jwk is a key in a JWKS (RFC 7517, RFC 8037).
type jwk struct {
	Kty, Crv, Alg, Kid, X, Y, N, E string
}

// key returns the public key. It returns false if the key is invalid or of an unknown kind.
func (j jwk) key() (key, bool) {
	switch {
	case j.Kty == "OKP" && j.Crv == "Ed25519" && j.Alg == "EdDSA":
		public := ed25519.PublicKey(decode(j.X))
		return key{j.Alg, public}, len(public) == ed25519.PublicKeySize
	case j.Kty == "EC" && j.Crv == "P-256" && j.Alg == "ES256":
		public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number(j.X), Y: number(j.Y)}
		return key{j.Alg, public}, public.Curve.IsOnCurve(public.X, public.Y)
	case j.Kty == "RSA" && j.Alg == "RS256":
		public := &rsa.PublicKey{N: number(j.N), E: int(number(j.E).Int64())}
		// RFC 7518 §3.3; larger exponents exist only to make verification slow
		return key{j.Alg, public}, public.N.BitLen() >= 2048 && 3 <= public.E && public.E < 1<<31
	default:
		return key{}, false
	}
}

// decode returns the bytes of a member in Base64url, or nil if it is invalid.
func decode(member string) []byte {
	decoded, err := base64.RawURLEncoding.DecodeString(member)
	if err != nil {
		return nil
	}
	return decoded
}

func number(member string) *big.Int {
	return new(big.Int).SetBytes(decode(member))
}
