import Actors
import FoundationEssentials
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// What one connection may do before and beside its requests.
package struct ConnectionLimits: Sendable {
    /// From the first byte of a request to the end of its header.
    package var headerTime: TimeAmount
    /// Least bytes a second of a body, over `bodyWindow`.
    package var leastBodyRate: Int
    package var bodyWindow: TimeAmount
    /// A client that takes nothing of what was written for it for this long is let go.
    package var writeTime: TimeAmount

    package init(headerTime: TimeAmount, leastBodyRate: Int, bodyWindow: TimeAmount, writeTime: TimeAmount) {
        self.writeTime = writeTime
        self.headerTime = headerTime
        self.leastBodyRate = leastBodyRate
        self.bodyWindow = bodyWindow
    }
}

/// Refuses what is no request: connections beyond the limits, headers and bodies that do not come, bytes that are not
/// HTTP. Each refusal has the contract's shape and a request id; what the client still sends is dropped for a while, so
/// that it can read the answer (RFC 9112, 9.6), and then the connection is closed.
///
/// Stands next to the codec. A refusal is written only while no response is under way; otherwise the connection ends.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum State {
        /// Between two requests.
        case waiting
        /// The first bytes of a header came; `timeout` is nil until its end is late.
        case receivingHead(timeout: Scheduled<Void>?)
        /// `bytes` came since the last look; `look` is nil until the first part of the body is late.
        case receivingBody(bytes: Int, look: Scheduled<Void>?)
        case refused
    }

    private let limits: ConnectionLimits
    private let table: ConnectionTable
    private let metrics: MetricMailbox
    private let random: any RandomSource
    private var state = State.waiting
    private var address: NetworkAddress?
    private var isAdmitted = false
    private var isGone = false
    /// Requests whose response has not ended.
    private var unanswered = 0
    /// After an Upgrade or CONNECT the decoder reads no further requests, and would keep what comes: it is dropped, and the
    /// response is the last.
    private var isLast = false
    private var writeTimeout: Scheduled<Void>?
    private let watch = FirstByteHandler()
    private var hasResponseBegun = false
    /// Since when the application takes nothing: meanwhile it is not the client who is slow.
    private var heldSince: NIODeadline?
    /// For how long it did in this window.
    private var held = TimeAmount.zero

    init(limits: ConnectionLimits, table: ConnectionTable, metrics: MetricMailbox, random: any RandomSource) {
        self.limits = limits
        self.table = table
        self.metrics = metrics
        self.random = random
    }

    func handlerAdded(context: ChannelHandlerContext) {
        watch.onBytes = { [unowned self] in self.bytesCame() }
        try? context.pipeline.syncOperations.addHandler(watch, position: .first)
        if context.channel.isActive { enter(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        enter(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimer()
        writeTimeout?.cancel()
        if isAdmitted { table.leave(address) } else { table.refusalEnded() }
        isAdmitted = false
        isGone = true
        context.fireChannelInactive()
    }

    private func enter(_ context: ChannelHandlerContext) {
        guard !isAdmitted, !isRefused, !isGone else { return }
        address = context.remoteAddress?.ipAddress.flatMap { NetworkAddress($0) }
        switch table.admit(address) {
        case .admitted: isAdmitted = true
        case .closed:
            state = .refused
            context.close(promise: nil)
        case .tooMany: refuse(context, .unavailable(retryAfterSeconds: 5))
        case .tooManyOfAddress:
            refuse(
                context,
                APIError(
                    .tooManyRequests,
                    "Demasiadas conexiones desde esta dirección (Too many connections from this address)",
                    headers: [.retryAfter: "5"]))
        }
    }

    // MARK: - What comes

    private func bytesCame() {
        if case .waiting = state, unanswered == 0 { state = .receivingHead(timeout: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.refused, _): return
        case (_, .head(let head)):
            cancelTimer()
            unanswered += 1
            isLast = isLast || head.method == .connect || head.headerFields[.upgrade] != nil
            state = .receivingBody(bytes: 0, look: nil)
        case (.receivingBody(let bytes, let look), .body(let buffer)):
            state = .receivingBody(bytes: bytes + buffer.readableBytes, look: look)
        case (.receivingBody, .end):
            cancelTimer()
            state = .waiting
            watch.isDropping = isLast
        case (_, .body), (_, .end): break
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        heldSince = .now()
        switch state {
        case .refused: return context.read()
        case .receivingHead(nil):
            state = .receivingHead(timeout: schedule(limits.headerTime, context) { $0.refuse($1, Self.tooSlow) })
        case .receivingBody(_, nil):
            held = .zero
            lookLater(context)
        default: break
        }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        endHold()
        context.read()
    }

    private func endHold() {
        guard let since = heldSince else { return }
        held = held + (NIODeadline.now() - since)
        heldSince = nil
    }

    private func lookLater(_ context: ChannelHandlerContext) {
        state = .receivingBody(bytes: 0, look: schedule(limits.bodyWindow, context) { $0.look($1) })
    }

    private func look(_ context: ChannelHandlerContext) {
        guard case .receivingBody(let bytes, _) = state else { return }
        let least = limits.leastBodyRate * Int(limits.bodyWindow.nanoseconds / 1_000_000_000)
        if heldSince != nil {
            endHold()
            heldSince = .now()
        }
        let wasHeld = held > .nanoseconds(limits.bodyWindow.nanoseconds / 2)
        held = .zero
        if bytes < least, !wasHeld { return refuse(context, Self.tooSlow) }
        lookLater(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeTimeout?.cancel()
        writeTimeout = context.channel.isWritable ? nil : schedule(limits.writeTime, context) { $1.close(promise: nil) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is ByteToMessageDecoderError else {
            return context.fireErrorCaught(error)
        }
        if isRefused { return }
        let isOversized = (error as? HTTPParserError) == .headerOverflow
        refuse(context, isOversized ? Self.tooLarge : Self.malformed)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isRefused, let event = event as? ChannelEvent, case .inputClosed = event {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - What goes

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isRefused {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            hasResponseBegun = true
            guard isLast else { break }
            head.headerFields[.connection] = "close"
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            hasResponseBegun = false
            unanswered = max(0, unanswered - 1)
            guard isLast, unanswered == 0 else { break }
            return writeLast(context, data, promise)
        case .head, .body: break
        }
        context.write(data, promise: promise)
    }

    /// Closes when it is on the wire, and there was a while to read it.
    private func writeLast(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise()
        let channel = context.channel
        written.futureResult.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: UnfinishedRequestHandler.maximumDrainTime) {
                channel.close(promise: nil)
            }
        }
        context.writeAndFlush(data, promise: written)
    }

    private var isRefused: Bool {
        if case .refused = state { return true }
        return false
    }

    /// Answers in place of the application, and lets go.
    private func refuse(_ context: ChannelHandlerContext, _ error: APIError) {
        guard !isRefused else { return }
        cancelTimer()
        let isFree = unanswered == (isReceivingBody ? 1 : 0)
        state = .refused
        metrics.send(.request(route: "refused", method: "ANY", status: error.status.code, duration: .zero))
        guard isFree, !hasResponseBegun else { return context.close(promise: nil) }
        let (head, body) = error.standaloneResponse(requestID: String(random.next(), radix: 16))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        context.eventLoop.scheduleTask(in: UnfinishedRequestHandler.maximumDrainTime) { channel.close(promise: nil) }
        context.read()
    }

    private var isReceivingBody: Bool {
        if case .receivingBody = state { return true }
        return false
    }

    private func schedule(
        _ time: TimeAmount, _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable (ConnectionGuard, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: time) { body(loopBound.value.0, loopBound.value.1) }
    }

    private func cancelTimer() {
        switch state {
        case .receivingHead(let timeout): timeout?.cancel()
        case .receivingBody(_, let look): look?.cancel()
        case .waiting, .refused: break
        }
    }

    private static let tooSlow = APIError(
        .requestTimeout, "La petición no llegó a tiempo (The request did not arrive in time)")
    private static let malformed = APIError(.badRequest, "Petición HTTP mal formada (Malformed HTTP request)")
    private static let tooLarge = APIError(
        .requestHeaderFieldsTooLarge,
        "Las cabeceras de la petición son demasiado grandes (Request header fields too large)")
}

/// Tells that bytes came, before they are decoded.
private final class FirstByteHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var onBytes: () -> Void = {}
    var isDropping = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isDropping { return }
        onBytes()
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) { onBytes = {} }
}

extension APIError {
    /// Outside of any route: all headers that the contract wants, and the connection's end.
    fileprivate func standaloneResponse(requestID: String) -> (HTTPResponse, ByteBuffer) {
        let body = members(requestID: requestID).encoded
        var fields = headers
        for field in EdgeMiddleware.securityHeaders { fields.append(field) }
        fields[.contentType] = "application/json; charset=utf-8"
        fields[.contentLength] = String(body.count)
        fields[.connection] = "close"
        fields[EdgeMiddleware.requestIDName] = requestID
        return (HTTPResponse(status: status, headerFields: fields), ByteBuffer(bytes: body))
    }
}
