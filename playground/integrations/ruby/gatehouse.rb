# frozen_string_literal: true

require 'jwt'
require_relative 'gatehouse/keys'

# Authenticates requests with Gatehouse's access tokens (RFC 9068).
module Gatehouse
  ALGORITHMS = %w[EdDSA ES256 RS256].freeze

  # Raised if the token was not issued for this service, or has expired.
  class InvalidToken < StandardError; end

  # Verifies access tokens with the keys that the issuer publishes. Several threads may share a verifier.
  class Verifier
    # The maximum length of a token, in bytes.
    MAX_TOKEN = 16 * 1024

    # `issuer` is the value of Gatehouse's setting `JWT_ISSUER`, which is `PUBLIC_URL` by default. `audience` is the value of
    # `JWT_AUDIENCE`.
    def initialize(issuer, audience: issuer)
      @keys = Keys.new(issuer)
      @options = {
        algorithms: ALGORITHMS,
        iss: issuer, verify_iss: true,
        aud: audience, verify_aud: true,
        required_claims: %w[exp iss aud sub sid]
      }
    end

    # Returns the claims of a token. Raises `InvalidToken`, or `KeysUnavailable` if the keys cannot be fetched.
    def verify(token)
      raise InvalidToken, 'too long' if token.bytesize > MAX_TOKEN
      # ruby-jwt ignores some characters that are not Base64, so one token would have several spellings
      raise InvalidToken, 'malformed' unless token.match?(/\A[\w-]+\.[\w-]+\.[\w-]+\z/n)

      claims, = JWT.decode(token, nil, true, **@options) { |header| key(header) }
      claims
    rescue InvalidToken, KeysUnavailable
      raise
    rescue StandardError => e
      # for some malformed tokens, ruby-jwt raises a TypeError, a NoMethodError or an ArgumentError
      raise InvalidToken, e.message
    end

    private

    # Returns the public key that verifies a token with this header.
    def key(header)
      # a token of another kind, such as an ID token, proves no permission to call an API (RFC 8725 §3.11)
      raise InvalidToken, 'not an access token' unless header['typ'] == 'at+jwt'

      key = @keys.find(header['kid'])
      # a key may be used only with its own algorithm (RFC 8725 §3.1)
      raise InvalidToken, 'no such key' unless key && key.algorithm == header['alg']

      key.public_key
    end
  end

  # A Rack middleware that passes requests with a valid token to the app, with the token's claims in
  # `env['gatehouse.claims']`. It responds to the others with 401 (RFC 6750 §3), or with 503 while the keys cannot be fetched.
  class Authentication
    def initialize(app, issuer:, audience: issuer)
      @app = app
      @verifier = Verifier.new(issuer, audience: audience)
    end

    def call(env)
      scheme, token = env['HTTP_AUTHORIZATION'].to_s.b.split(' ', 2)
      unless scheme.to_s.casecmp?('Bearer')
        return refuse(401, 'Send an access token: `Authorization: Bearer TOKEN`.', 'www-authenticate' => 'Bearer')
      end

      begin
        env['gatehouse.claims'] = @verifier.verify(token.to_s.strip)
      rescue KeysUnavailable
        return refuse(503, 'Signing in is unavailable. Try again in a moment.', 'retry-after' => '5')
      rescue InvalidToken
        return refuse(401, 'The access token is not valid.', 'www-authenticate' => 'Bearer error="invalid_token"')
      end
      @app.call(env)
    end

    private

    def refuse(status, message, headers)
      [status, headers.merge('content-type' => 'text/plain; charset=utf-8'), ["#{message}\n"]]
    end
  end
end
