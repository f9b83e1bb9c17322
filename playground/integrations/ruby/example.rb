# frozen_string_literal: true

# A service that authenticates its callers with Gatehouse's access tokens.
#
# Usage: ruby example.rb ISSUER
# Prints its port, and serves /whoami until its standard input ends.

require 'json'
require 'webrick'
require_relative 'gatehouse'

abort 'usage: ruby example.rb ISSUER' unless ARGV.size == 1

whoami = lambda do |env|
  user, session, email, role = env['gatehouse.claims'].values_at('sub', 'sid', 'email', 'role')
  [200, { 'content-type' => 'application/json' }, [JSON.generate(user:, session:, email:, role:)]]
end
app = Gatehouse::Authentication.new(whoami, issuer: ARGV[0])

silent = { Logger: WEBrick::Log.new(File::NULL), AccessLog: [] }
server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: 0, **silent)
server.mount_proc('/whoami') do |request, response|
  response.status, headers, body = app.call('HTTP_AUTHORIZATION' => request['Authorization'])
  headers.each { |name, value| response[name] = value }
  response.body = body.join
end
puts server.config[:Port]
$stdout.flush
Thread.new do
  $stdin.read
  server.shutdown
end
server.start
