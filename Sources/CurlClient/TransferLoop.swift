import CCurl
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The thread that owns every handle of libcurl, and the mailbox through which others ask it for something.
///
/// `@unchecked Sendable`: `live` and `sockets` belong to the thread alone; `multi` is given to libcurl by the thread alone, except for
/// `curl_multi_wakeup`, which may be called from any thread and is called with the mailbox locked and open only.
final class TransferLoop: @unchecked Sendable {
    /// What the thread is asked for.
    enum Command: Sendable {
        case start(Transfer)
        case resume(Transfer)
        case cancel(Transfer)
        case stop
    }

    private struct Mailbox: Sendable {
        var commands: [Command] = []
        var isOpen = true
    }

    /// libcurl's own timers end a poll earlier.
    private static let longestPollMilliseconds: Int32 = 60_000
    private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    private let multi: UnsafeMutableRawPointer
    private let mailbox = Mutex(Mailbox())
    private var live: [ObjectIdentifier: EasyHandle] = [:]
    private let sockets = OpenSockets()

    init() throws(CurlError) {
        guard Self.isInitialized, let multi = curl_multi_init() else {
            throw .other(code: Int(CURLE_FAILED_INIT.rawValue), "libcurl cannot be initialized")
        }
        self.multi = multi
        _ = ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    /// Starts the thread, which keeps the loop alive until it is stopped.
    func start() throws(CurlError) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        // The new thread inherits the mask: it must see no SIGPIPE, which libcurl does not mask without handlers of its
        // own, nor any signal that is meant for the program.
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        let status = pthread_create(&thread, nil, runTransferLoop, context.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        guard status == 0 else {
            context.release()
            throw .other(code: Int(status), "the thread for HTTP requests cannot be started")
        }
        pthread_detach(thread)
    }

    /// Asks the thread for something. After its end, transfers that are to be started fail at once.
    func post(_ command: Command) {
        let isPosted = mailbox.withLock { mailbox in
            guard mailbox.isOpen else { return false }
            mailbox.commands.append(command)
            curl_multi_wakeup(multi)
            return true
        }
        if !isPosted, case .start(let transfer) = command { transfer.finish(.shutDown) }
    }

    // MARK: On the thread

    fileprivate func run() {
        while follow(commands()) {
            var running: Int32 = 0
            guard curl_multi_perform(multi, &running) == CURLM_OK else { break }
            finishDone()
            _ = curl_multi_poll(multi, nil, 0, Self.longestPollMilliseconds, nil)
        }
        let late = mailbox.withLock { mailbox in
            mailbox.isOpen = false
            return mailbox.commands
        }
        for case .start(let transfer) in late { transfer.finish(.shutDown) }
        for handle in live.values {
            curl_multi_remove_handle(multi, handle.easy)
            handle.transfer.finish(.shutDown)
        }
        live = [:]
        curl_multi_cleanup(multi)
    }

    private func commands() -> [Command] {
        mailbox.withLock { mailbox in
            defer { mailbox.commands = [] }
            return mailbox.commands
        }
    }

    /// - Returns: whether to go on.
    private func follow(_ commands: [Command]) -> Bool {
        for (index, command) in commands.enumerated() {
            switch command {
            case .start(let transfer): start(transfer)
            case .resume(let transfer):
                if let handle = live[ObjectIdentifier(transfer)] { curl_easy_pause(handle.easy, CURLPAUSE_CONT) }
            case .cancel(let transfer): end(transfer, .cancelled)
            case .stop:
                for case .start(let transfer) in commands[index...] { transfer.finish(.shutDown) }
                return false
            }
        }
        return true
    }

    private func start(_ transfer: Transfer) {
        do throws(CurlError) {
            let handle = try EasyHandle(transfer, sockets)
            guard curl_multi_add_handle(multi, handle.easy) == CURLM_OK else {
                throw .other(code: Int(CURLE_FAILED_INIT.rawValue), "the request cannot be added")
            }
            live[ObjectIdentifier(transfer)] = handle
        } catch {
            transfer.finish(error)
        }
    }

    private func end(_ transfer: Transfer, _ error: CurlError?) {
        guard let handle = live.removeValue(forKey: ObjectIdentifier(transfer)) else { return }
        sockets.heard(handle.lastReceived, over: handle.localPort)
        curl_multi_remove_handle(multi, handle.easy)
        transfer.finish(error)
    }

    private func finishDone() {
        var easy: UnsafeMutableRawPointer?
        var code = CURLE_OK
        while ccurl_multi_next_done(multi, &easy, &code) != 0 {
            // There are as many handles as requests under way: tens.
            guard let handle = live.values.first(where: { $0.easy == easy }) else { continue }
            let isSilent = code == CURLE_OPERATION_TIMEDOUT && handle.transfer.request.closesSilentConnection
            end(handle.transfer, code == CURLE_OK ? nil : CurlError(code, detail: handle.detail))
            if isSilent { closeConnection(of: handle) }
        }
    }

    /// Breaks the connection of a request that was not answered in time, unless something has come over it since the
    /// request began. libcurl then tells everybody else on it.
    private func closeConnection(of handle: EasyHandle) {
        for other in live.values where other.localPort == handle.localPort {
            sockets.heard(other.lastReceived, over: other.localPort)
        }
        sockets.shutDown(localPort: handle.localPort, silentSince: handle.began)
    }
}

private func runTransferLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
