# frozen_string_literal: true

require 'json'
require 'jwt'
require 'net/http'

module Gatehouse
  # Raised if the issuer's keys cannot be fetched, so no token can be verified.
  class KeysUnavailable < StandardError; end

  # A public key, and the only algorithm that it may be used with.
  Key = Struct.new(:algorithm, :public_key)

  # Fetches the keys of an issuer, and keeps them.
  class Keys
    # The time limit, in seconds, for connecting to the issuer, and for each read of its response.
    TIMEOUT = 5
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
    rescue IOError, SystemCallError, SocketError, Timeout::Error, OpenSSL::OpenSSLError, Net::ProtocolError, JSON::ParserError,
           ArgumentError, KeyError, TypeError, URI::Error => e
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
      published.to_h { |jwk| [jwk['kid'], import(jwk)] }.compact
    end

    def get(uri)
      options = { use_ssl: uri.scheme == 'https', open_timeout: TIMEOUT, read_timeout: TIMEOUT }
      response = Net::HTTP.start(uri.hostname, uri.port, **options) { |http| http.get(uri.request_uri) }
      raise KeyError, "#{uri}: #{response.code}" unless response.is_a?(Net::HTTPOK)

      JSON.parse(response.body)
    end

    # Returns a key of the JWKS, or `nil` if it is invalid or of an unknown kind.
    def import(jwk)
      public_key =
        case jwk.values_at('kty', 'crv', 'alg')
        when %w[OKP Ed25519 EdDSA] then ed25519(jwk)
        when %w[EC P-256 ES256], ['RSA', nil, 'RS256'] then JWT::JWK.import(jwk).keypair
        end
      # RFC 7518 §3.3
      return if public_key.nil? || (public_key.is_a?(OpenSSL::PKey::RSA) && public_key.n.num_bits < 2048)

      Key.new(jwk['alg'], public_key)
    rescue JWT::JWKError, OpenSSL::OpenSSLError, ArgumentError
      nil
    end

    def ed25519(jwk)
      require 'rbnacl'
      RbNaCl::Signatures::Ed25519::VerifyKey.new(JWT::Base64.url_decode(jwk['x']))
    rescue LoadError
      warn 'gatehouse: the gem rbnacl is missing, so tokens that are signed with EdDSA are refused'
    end
  end
end
