// What Node does not let a program set on its sockets.
#ifndef TVM_NODE_HOST_SOCKET_H_
#define TVM_NODE_HOST_SOCKET_H_

namespace tvm_node {

/** Whether reads and writes wait. Holds for all descriptors of the same socket, in other processes too. Throws `ERR_CONNECTION`. */
void SetBlocking(int fd, bool blocking);

/** A second descriptor of the same socket, not inherited by child processes. Throws `ERR_CONNECTION`. */
int Duplicate(int fd);

/** Whether the peer of a TCP connection has closed it, or the system gave it up (Linux; false elsewhere). */
bool IsHungUp(int fd);

/**
 * Ends each TCP connection of this process whose peer has not answered for so many seconds, be it idle or in the middle of a
 * transfer. Covers the connections there are now, also those that libraries made.
 */
void NoticeDeadPeers(int seconds);

}  // namespace tvm_node

#endif  // TVM_NODE_HOST_SOCKET_H_
