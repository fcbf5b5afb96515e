import CLI
import NIOCore
import NIOPosix
import Testing

@Suite struct ListeningPortsTests {
    private let ports = ListeningPorts(group: .singletonMultiThreadedEventLoopGroup)

    @Test("a port in use is an error that names the port and the option")
    func inUse() async throws {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        let error = await #expect(throws: UpError.self) { try await ports.claim(host: "127.0.0.1", port: port) }
        #expect(error?.problem == "port \(port) on 127.0.0.1 is in use by another program")
        #expect(error?.remedy.contains("--port") == true)
        try await channel.close()
        #expect(try await ports.claim(host: "127.0.0.1", port: port) == port)
    }

    @Test("port 0 gives a free one; free ports are all different")
    func free() async throws {
        #expect(try await ports.claim(host: "127.0.0.1", port: 0) > 0)
        #expect(Set(try await ports.free(count: 20)).count == 20)
    }

    @Test("an address that is not this machine's is an error")
    func strangeAddress() async {
        let error = await #expect(throws: UpError.self) { try await ports.claim(host: "192.0.2.1", port: 0) }
        #expect(error?.remedy.contains("--host") == true)
    }
}
