// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/stringprep"
)

// Mechanism is the only one that is spoken.
const Mechanism = "SCRAM-SHA-256"

// DefaultIterations is the server's own.
const DefaultIterations = 15000

// ErrAuthentication says no more than the server does.
var ErrAuthentication = errors.New("Authentication failed.") //nolint:revive,staticcheck // the server's text.

// Credential is what a server keeps of a password.
type Credential struct {
	Iterations int    `bson:"iterationCount"`
	Salt       []byte `bson:"salt"`
	StoredKey  []byte `bson:"storedKey"`
	ServerKey  []byte `bson:"serverKey"`
}

// NewCredential derives a credential from a password; without a salt it draws one.
func NewCredential(password string, salt []byte, iterations int) (*Credential, error) {
	if salt == nil {
		salt = make([]byte, 28)
		_, _ = rand.Read(salt) // never fails.
	}
	salted, err := saltPassword(password, salt, iterations)
	if err != nil {
		return nil, err
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	return &Credential{Iterations: iterations, Salt: salt, StoredKey: stored[:], ServerKey: mac(salted, "Server Key")}, nil
}

func saltPassword(password string, salt []byte, iterations int) ([]byte, error) {
	prepared, err := stringprep.SASLprep.Prepare(password)
	if err != nil {
		return nil, fmt.Errorf("preparing a password: %w", err)
	}
	salted, err := pbkdf2.Key(sha256.New, prepared, salt, iterations, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	return salted, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Server is one conversation as the server sees it. The credentials that it is given share salt and iterations; any of
// them is good, which is how several keys are accepted during a rotation.
type Server struct {
	User        string
	nonce       string
	firstBare   string
	serverFirst string
	credentials []*Credential
}

// Start reads the client's first message and answers it. Lookup returns the credentials of a user, or none.
func (s *Server) Start(payload string, lookup func(user string) []*Credential) (string, error) {
	bare, ok := strings.CutPrefix(payload, "n,,")
	if !ok {
		return "", ErrAuthentication
	}
	attributes := parseAttributes(bare)
	s.User = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(attributes["n"])
	s.credentials = lookup(s.User)
	if len(s.credentials) == 0 || attributes["r"] == "" {
		return "", ErrAuthentication
	}
	s.firstBare, s.nonce = bare, attributes["r"]+newNonce()
	first := s.credentials[0]
	s.serverFirst = fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, encode(first.Salt), first.Iterations)
	return s.serverFirst, nil
}

// Finish reads the client's proof and gives the server's.
func (s *Server) Finish(payload string) (string, error) {
	bare, proofText, ok := strings.Cut(payload, ",p=")
	proof, err := base64.StdEncoding.DecodeString(proofText)
	if !ok || err != nil || len(proof) != sha256.Size || parseAttributes(bare)["r"] != s.nonce {
		return "", ErrAuthentication
	}
	message := s.firstBare + "," + s.serverFirst + "," + bare
	for _, c := range s.credentials {
		clientKey := xor(proof, mac(c.StoredKey, message))
		if stored := sha256.Sum256(clientKey); hmac.Equal(stored[:], c.StoredKey) {
			return "v=" + encode(mac(c.ServerKey, message)), nil
		}
	}
	return "", ErrAuthentication
}

// Client is one conversation as the client sees it.
type Client struct {
	User, Password string
	// Salted returns the salted password; nil derives it. It is for those who keep it.
	Salted    func(password string, salt []byte, iterations int) ([]byte, error)
	nonce     string
	signature []byte
}

// Start gives the first message.
func (c *Client) Start() string {
	c.nonce = newNonce()
	return "n,," + c.bare()
}

func (c *Client) bare() string {
	return "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.User) + ",r=" + c.nonce
}

// Prove answers the server's first message.
func (c *Client) Prove(serverFirst string) (string, error) {
	attributes := parseAttributes(serverFirst)
	salt, err := base64.StdEncoding.DecodeString(attributes["s"])
	iterations, err2 := strconv.Atoi(attributes["i"])
	if err != nil || err2 != nil || iterations < 1 || !strings.HasPrefix(attributes["r"], c.nonce) {
		return "", ErrAuthentication
	}
	derive := c.Salted
	if derive == nil {
		derive = saltPassword
	}
	salted, err := derive(c.Password, salt, iterations)
	if err != nil {
		return "", err
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	bare := "c=biws,r=" + attributes["r"]
	message := c.bare() + "," + serverFirst + "," + bare
	c.signature = mac(mac(salted, "Server Key"), message)
	return bare + ",p=" + encode(xor(clientKey, mac(stored[:], message))), nil
}

// Verify checks the server's proof.
func (c *Client) Verify(serverFinal string) error {
	if !hmac.Equal([]byte(serverFinal), []byte("v="+encode(c.signature))) {
		return ErrAuthentication
	}
	return nil
}

func newNonce() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails.
	return encode(b)
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func parseAttributes(text string) map[string]string {
	attributes := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			attributes[name] = value
		}
	}
	return attributes
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}
