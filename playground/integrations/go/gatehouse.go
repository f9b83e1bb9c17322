// Package gatehouse authenticates HTTP requests with Gatehouse's access tokens (RFC 9068).
//
//	verifier := &gatehouse.Verifier{Issuer: "https://accounts.example.org"}
//	http.Handle("/orders", verifier.Require(orders))
//
// In the handler, [FromContext] returns the claims of the token.
package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// maxToken is the maximum length of a token, in bytes.
const maxToken = 16 << 10

// Claims are the claims of an access token. Those that describe the user are empty unless JWT_CLAIMS contains them.
type Claims struct {
	// RegisteredClaims contains the user's ID as Subject.
	jwt.RegisteredClaims
	// SessionID is the ID of the session.
	SessionID string `json:"sid"`
	// AuthTime is the Unix time at which the user last proved their identity.
	AuthTime int64 `json:"auth_time"`
	// Methods says how they proved it: pwd, otp or fed.
	Methods []string `json:"amr"`
	Email   string   `json:"email"`
	// EmailVerified says whether the user has proved that the email address is theirs.
	EmailVerified bool   `json:"email_verified"`
	Username      string `json:"preferred_username"`
	Name          string `json:"name"`
	// Role is USER, STAFF or SUPERUSER.
	Role string `json:"role"`
}

// Verifier verifies access tokens. It is safe for concurrent use by multiple goroutines. It must not be copied.
type Verifier struct {
	// Issuer is the value of Gatehouse's setting JWT_ISSUER, which is PUBLIC_URL by default.
	Issuer string
	// Audience is the value of Gatehouse's setting JWT_AUDIENCE. If it is empty, the issuer is used.
	Audience string

	keys keySet
}

var errInvalid = errors.New("gatehouse: not an access token for this service")

// Verify returns the claims of a token. If the keys cannot be fetched, the error wraps [ErrKeysUnavailable]. Any other error
// means that the token is invalid.
func (v *Verifier) Verify(token string) (*Claims, error) {
	// jwt v4 before 4.5.2 allocates memory for each dot of a forged token
	if len(token) > maxToken {
		return nil, errInvalid
	}
	claims := new(Claims)
	// `check` validates the claims: the library would refuse a new token if this machine's clock is a second behind
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA", "ES256", "RS256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, claims, v.key); err != nil {
		return nil, err
	}
	if err := v.check(claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// key returns the public key that verifies a token.
func (v *Verifier) key(token *jwt.Token) (interface{}, error) {
	// a token of another kind, such as an ID token, proves no permission to call an API (RFC 8725 §3.11)
	if token.Header["typ"] != "at+jwt" {
		return nil, errInvalid
	}
	kid, _ := token.Header["kid"].(string)
	key, err := v.keys.find(v.Issuer, kid)
	if err != nil {
		return nil, err
	}
	// a key may be used only with its own algorithm (RFC 8725 §3.1)
	if token.Method.Alg() != key.algorithm {
		return nil, errInvalid
	}
	return key.public, nil
}

// check validates the claims of a token whose signature was verified.
func (v *Verifier) check(claims *Claims) error {
	audience := v.Audience
	if audience == "" {
		audience = v.Issuer
	}
	isForUs := false
	for _, name := range claims.Audience {
		isForUs = isForUs || name == audience
	}
	isCurrent := claims.ExpiresAt != nil && time.Now().Before(claims.ExpiresAt.Time)
	if claims.Issuer != v.Issuer || !isForUs || !isCurrent || claims.Subject == "" || claims.SessionID == "" {
		return errInvalid
	}
	return nil
}

type contextKey struct{}

// FromContext returns the claims of the request's token. It returns false outside of a handler that [Verifier.Require] wraps.
func FromContext(ctx context.Context) (*Claims, bool) {
	claims, ok := ctx.Value(contextKey{}).(*Claims)
	return claims, ok
}

// Require returns a handler that passes requests with a valid token to the next handler. It responds to the others with
// 401 (RFC 6750 §3), or with 503 while the keys cannot be fetched.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "Send an access token: `Authorization: Bearer TOKEN`.", http.StatusUnauthorized)
			return
		}
		claims, err := v.Verify(strings.TrimSpace(token))
		switch {
		case errors.Is(err, ErrKeysUnavailable):
			w.Header().Set("Retry-After", "5")
			http.Error(w, "Signing in is unavailable. Try again in a moment.", http.StatusServiceUnavailable)
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "The access token is not valid.", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
		}
	})
}
