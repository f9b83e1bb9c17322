# frozen_string_literal: true

require 'json'
require 'jwt'
require 'net/http'
require 'timeout'

module Gatehouse
  # Raised if the issuer's keys cannot be fetched, so no token can be verified.
  class KeysUnavailable < StandardError; end

  # A public key, and the only algorithm that it may be used with.
  Key = Struct.new(:algorithm, :public_key)

  # Fetches the keys of an issuer, and keeps them.
  class Keys
    # The time limit, in seconds, for a response from the issuer.
    TIMEOUT = 5
    # The maximum length of a response, in bytes.
    MAX_RESPONSE = 1 << 20
    # The age, in seconds, at which the keys are fetched again, so that withdrawn keys stop working.
    MAX_AGE = 600
    # The minimum seconds between a fetch for an unknown key and the next fetch. Without it, every forged token would cause one.
    PAUSE = 60
    # The minimum seconds between a failed fetch and the next one.
    RETRY = 5

    def initialize(issuer)
      @issuer = issuer
      @keys = nil
      @fetched = @next = -Float::INFINITY
      @fetching = Mutex.new
    end

    # Returns the key with this ID, or `nil` if there is none. If necessary, it fetches the keys.
    def find(kid)
      found = @keys&.[](kid)
      return found if found && fresh?

      # requests with a key that still works do not wait for the issuer
      return found if found && @fetching.locked?

      @fetching.synchronize do
        # another request may have fetched the keys in the meantime
        found = @keys&.[](kid)
        found && fresh? ? found : refresh(kid, found)
      end
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def fresh? = now - @fetched < MAX_AGE

    def refresh(kid, found)
      had_keys = @keys
      if now < @next
        raise KeysUnavailable, @issuer unless had_keys

        return found
      end
      @keys = fetch
      @fetched = now
      @next = now + PAUSE if had_keys && !found
      @keys[kid]
    rescue StandardError => e
      # whatever is wrong with the response, the pause must hold
      @next = now + RETRY
      found || raise(KeysUnavailable, e.message)
    end

    # Returns the keys that the issuer publishes, by their ID.
    def fetch
      at = URI(@issuer)
      at.path = "/.well-known/oauth-authorization-server#{at.path.chomp('/')}" # RFC 8414 §3.1
      metadata = get(at)
      raise KeyError, "the metadata names the issuer #{metadata['issuer']}" unless metadata['issuer'] == @issuer # RFC 8414 §3.3

      published = get(URI(metadata.fetch('jwks_uri'))).fetch('keys')
      # skips kinds of keys that a later version of Gatehouse may add
      published.select { |jwk| jwk.is_a?(Hash) }.to_h { |jwk| [jwk['kid'], import(jwk)] }.compact
    end

    def get(uri)
      # `read_timeout` alone applies to each read, so a slow issuer could hold up every request
      Timeout.timeout(TIMEOUT) do
        Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == 'https') do |http|
          http.request_get(uri.request_uri) { |response| return JSON.parse(body(uri, response)) }
        end
      end
    end

    def body(uri, response)
      raise KeyError, "#{uri}: #{response.code}" unless response.is_a?(Net::HTTPOK)

      text = +''
      response.read_body do |part|
        text << part
        raise KeyError, "#{uri}: too long" if text.bytesize > MAX_RESPONSE
      end
      text
    end

    # Returns a key of the JWKS, or `nil` if it is invalid or of an unknown kind.
    def import(jwk)
      public_key =
        case jwk.values_at('kty', 'crv', 'alg')
        when %w[OKP Ed25519 EdDSA] then ed25519(jwk)
        when %w[EC P-256 ES256], ['RSA', nil, 'RS256'] then JWT::JWK.import(jwk).keypair
        end
      Key.new(jwk['alg'], public_key) if public_key && (!public_key.is_a?(OpenSSL::PKey::RSA) || strong?(public_key))
    rescue StandardError
      # one malformed key must not make the others unusable
      nil
    end

    # Returns whether an RSA key is long enough (RFC 7518 §3.3). With an exponent of 1, anybody could sign.
    def strong?(rsa) = rsa.n.num_bits >= 2048 && rsa.e.to_i > 1 && rsa.e.odd?

    def ed25519(jwk)
      require 'rbnacl'
      RbNaCl::Signatures::Ed25519::VerifyKey.new(JWT::Base64.url_decode(jwk['x']))
    rescue LoadError
      warn 'gatehouse: the gem rbnacl is missing, so tokens that are signed with EdDSA are refused'
    end
  end
end
